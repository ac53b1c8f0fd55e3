"""The addresses of a call's next steps, and how far it has come, which every address carries."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote, urlencode

from voiceapp.twiml.call import read_count

MOST_VISITS = 10
"""Steps that a call may take without a key being pressed."""
MOST_STEPS = 100
"""Steps that a call may take in all."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a call has come, as the address of its webhook says.

    `release` is the one the call began with (None on its first webhook), `step` counts its
    webhooks, `visits` those since the last key press; `safe` says that it is on its way to a
    safe destination already, `silent` that nothing was keyed in on the way here.
    """

    release: int | None = None
    step: int = 0
    visits: int = 0
    safe: bool = False
    silent: bool = False

    @classmethod
    def from_args(cls, args: Mapping[str, str]) -> "Progress":
        """
        Read the query of an address that `CallUrls` made.

        >>> Progress.from_args({"r": "12", "n": "3", "v": "1"})
        Progress(release=12, step=3, visits=1, safe=False, silent=False)
        >>> Progress.from_args({"r": "x", "n": "-1"})
        Progress(release=None, step=0, visits=0, safe=False, silent=False)
        """
        if not args:  # a call that just begins
            return cls()
        return cls(
            release=read_count(args.get("r", "")),
            step=read_count(args.get("n", "")) or 0,
            visits=read_count(args.get("v", "")) or 0,
            safe=args.get("s") == "1",
            silent=args.get("t") == "1",
        )

    @classmethod
    def from_error_url(cls, url: str) -> "Progress":
        """Read how far a call had come when it failed, from the `ErrorUrl` of a fallback."""
        query = url.partition("?")[2]
        return cls.from_args(dict(pair.partition("=")[::2] for pair in query.split("&")))

    @property
    def is_endless(self) -> bool:
        """Say whether the call has taken more steps than any call should."""
        return self.step > MOST_STEPS

    @property
    def is_lost(self) -> bool:
        """Say whether the call goes round in circles."""
        return self.visits > MOST_VISITS or self.is_endless


@dataclass(frozen=True, slots=True)
class CallUrls:
    """The addresses that an answer may send Twilio to.

    `base` is the public scheme and host (for recordings, which media servers fetch on their own);
    `ivr` is the number of the IVR that the call is in, blank on a DID. `recordings` maps the name
    of each recording to the hash of its content, and is not compared.
    """

    base: str
    release: int
    progress: Progress
    ivr: str = ""
    recordings: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def after_key(self) -> "CallUrls":
        """Return the addresses as they are once a key was pressed: the visits begin anew."""
        return replace(self, progress=replace(self.progress, visits=0))

    def towards_safety(self) -> "CallUrls":
        """Return the addresses for an answer that leads to a safe destination."""
        return replace(self, progress=replace(self.progress, safe=True))

    def menu(self, ivr: str) -> str:
        """Return where an IVR's greeting is."""
        return self._next(f"/twiml/ivr/{quote(ivr, safe='')}")

    def key(self, *, silent: bool = False) -> str:
        """Return where a key pressed in the current IVR is answered, or silence."""
        return self._next(f"/twiml/ivr/{quote(self.ivr, safe='')}/key", silent=silent)

    def ask(self, key: str, *, silent: bool = False) -> str:
        """Return where the CRM rule on a key of the current IVR asks the CRM.

        `silent` says that nothing was keyed in for it: the key press that led to the rule may
        still be among Twilio's fields.
        """
        return self._next(f"/twiml/ivr/{quote(self.ivr, safe='')}/ask", silent=silent, k=key)

    def after(self, step: str) -> str:
        """Return where a call goes on after a `queue`, a `dial`, or a `recording` on a DID."""
        return self._next(f"/twiml/after/{step}")

    def after_recording(self) -> str:
        """Return where a call goes on from a recording: to the IVR it came from, if any."""
        return self.menu(self.ivr) if self.ivr else self.after("recording")

    def recording(self, name: str) -> str:
        """Return the public address of a recording. Raises KeyError if there is none."""
        return f"{self.base}/recordings/{self.recordings[name]}/{quote(name, safe='')}"

    def _next(self, path: str, *, silent: bool = False, **more: str) -> str:
        progress = self.progress
        query = f"r={self.release}&n={progress.step + 1}&v={progress.visits + 1}"
        if more:
            query += f"&{urlencode(more)}"
        if progress.safe:
            query += "&s=1"
        if silent:
            query += "&t=1"
        return f"{path}?{query}"
