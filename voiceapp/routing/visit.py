"""One webhook being answered: where its call stands, and what a decision makes of it."""

import time
from dataclasses import dataclass, field
from functools import lru_cache

from voiceapp.routing.route import LAST_WORDS, Decision
from voiceapp.routing.table import Table
from voiceapp.rules.plan import Ivr
from voiceapp.rules.rule import Destination, DestinationKind, Voice
from voiceapp.twiml import verbs
from voiceapp.twiml.call import IncomingCall
from voiceapp.twiml.urls import CallUrls, Progress
from voiceapp.twiml.voices import DEFAULT_VOICE


@dataclass(frozen=True, slots=True)
class Visit:
    """A webhook: the call, how far it has come, the table it follows, and at which door it is.

    `note` is a sentence for the explanation where the table is not the one the call began with;
    `base` is the public scheme and host; `began` is on the performance counter.
    """

    door: str
    call: IncomingCall
    progress: Progress
    table: Table
    note: str
    base: str
    began: float = field(default_factory=time.perf_counter)

    def ms(self) -> float:
        """Return the milliseconds since the webhook came."""
        return (time.perf_counter() - self.began) * 1000

    def menu(self, ivr: Ivr) -> str:
        """Return the document of an IVR's menu."""
        return str(verbs.menu(ivr, self._urls(ivr.number), self.table.voice))

    def answer(self, decision: Decision) -> str:
        """Return the document of a decision."""
        urls = self._urls(decision.ivr)
        if self.call.digits:
            urls = urls.after_key()
        if decision.is_safe:
            urls = urls.towards_safety()
        if decision.prelude is not None:
            ivr = self.table.ivrs.get(decision.ivr)
            voice = decision.prelude.voice or (ivr and ivr.voice) or self.table.voice
            return str(verbs.prelude(decision.prelude, decision.key, urls, voice))
        # our own sentence is English, whatever language the installation speaks
        voice = DEFAULT_VOICE if decision.destination == LAST_WORDS else self.table.voice
        if decision.destination.kind is DestinationKind.RECORDING:
            return _document(decision.destination, urls, voice)
        return _known_document(decision.destination, urls, voice)

    def _urls(self, ivr: str) -> CallUrls:
        return CallUrls(self.base, self.table.number, self.progress, ivr, self.table.recordings)


def _document(to: Destination, urls: CallUrls, voice: Voice) -> str:
    return str(verbs.destination(to, urls, voice))


# most calls are at their first step, on their way to one of a few destinations; not for
# recordings, whose addresses are in what `CallUrls` does not compare
_known_document = lru_cache(1024)(_document)
