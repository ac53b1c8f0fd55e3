"""Every call that the demo promises, once: what the terminal and the server are both held to."""

from dataclasses import dataclass

from voiceapp.console.story import Ended, Walk

ADA, SAM, BEA, MAX = "+12025550101", "+12025550102", "+12025550103", "+12025550104"
TWINS, STRANGER = "+12025550105", "+12025550199"
ANONYMOUS, KEYPAD_ANONYMOUS = "anonymous", "+266696687"
SALES, SUPPORT, ACCOUNTS = "+12025550180", "+12025550181", "+12025550182"
NOT_OURS = "+12025550189"


@dataclass(frozen=True, slots=True)
class DemoCall:
    """Who calls whom and presses what, and where that leads.

    `outcome` is that of the CRM rule that was asked (blank if none was), `played` the recording
    that was heard. `press` None hangs on until a menu waits for a key.
    """

    caller: str
    called: str
    press: str | None
    ended: Ended
    where: str
    outcome: str = ""
    played: str = ""

    def __str__(self) -> str:
        return f"{self.caller or 'nobody'}-{self.called}-{self.press}"

    @property
    def command(self) -> list[str]:
        """The arguments of `flask call` for it."""
        press = [] if self.press is None else ["--press", self.press]
        return [self.caller, self.called, *press, "--json"]

    def is_walked_by(self, walk: Walk) -> bool:
        """Say whether a call went that way."""
        played = "".join(heard.name for heard in walk.heard if heard.kind == "play")
        return (walk.ended, walk.where, played) == (self.ended, self.where, self.played)


def _queue(caller: str, called: str, press: str | None, queue: str, outcome: str = "") -> DemoCall:
    return DemoCall(caller, called, press, Ended.QUEUE, queue, outcome)


def _menu(
    caller: str, called: str, press: str | None, outcome: str = "", played: str = ""
) -> DemoCall:
    return DemoCall(caller, called, press, Ended.MENU, "801", outcome, played)


_SALES = [
    _queue(ADA, SALES, None, "vip", "matched"),
    _menu(SAM, SALES, None, "matched"),
    DemoCall(
        BEA, SALES, None, Ended.PLAY, "bronze-offer.wav", "matched", played="bronze-offer.wav"
    ),
    _queue(MAX, SALES, None, "vip", "matched"),
    _queue(TWINS, SALES, None, "general", "several found"),
    _queue(STRANGER, SALES, None, "general", "not found"),
    _menu(ANONYMOUS, SALES, None, "withheld"),
    _menu("", SALES, None, "withheld"),
    _menu(KEYPAD_ANONYMOUS, SALES, None, "withheld"),
]
_SUPPORT = [
    _menu(ADA, SUPPORT, None),
    _queue(ADA, SUPPORT, "1", "general"),
    _queue(ADA, SUPPORT, "2", "vip", "matched"),
    _queue(SAM, SUPPORT, "2", "billing", "matched"),
    _menu(BEA, SUPPORT, "2", "matched", played="thank-you.wav"),
    _menu(MAX, SUPPORT, "2", "matched", played="thank-you.wav"),
    _queue(TWINS, SUPPORT, "2", "general", "several found"),
    _queue(ANONYMOUS, SUPPORT, "2", "general", "withheld"),
    _menu(ADA, SUPPORT, "7"),
    DemoCall(ADA, SUPPORT, "9", Ended.HANGUP, ""),
    _queue(ADA, SUPPORT, ",,", "general"),
]
_ACCOUNTS = [
    _queue(STRANGER, ACCOUNTS, "1,1001#", "vip", "matched"),
    _queue(ANONYMOUS, ACCOUNTS, "1,1001#", "vip", "matched"),
    _queue(STRANGER, ACCOUNTS, "1,1002#", "general", "no condition matched"),
    _queue(STRANGER, ACCOUNTS, "1,9999#", "general", "not found"),
    _queue(STRANGER, ACCOUNTS, "1,01001#", "general", "not found"),
    _queue(STRANGER, ACCOUNTS, "1,", "general", "nothing keyed"),
    _queue(STRANGER, ACCOUNTS, ",", "general"),
]

DEMO_CALLS = [*_SALES, *_SUPPORT, *_ACCOUNTS, _queue(ADA, NOT_OURS, None, "general")]
