"""Asks CRMs that calls leave alone whether they answer again; done by the worker."""

import logging
import threading

from voiceapp.crm.breaker import Breakers
from voiceapp.crm.contract import (
    Caller,
    CallFacts,
    CrmClient,
    CrmError,
    KeyedDigits,
    Search,
    Who,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.pause import Pause
from voiceapp.routing.clients import Source
from voiceapp.routing.live import Live
from voiceapp.routing.standing import Asked, sources
from voiceapp.routing.upkeep import Apart
from voiceapp.rules.rule import FindBy, Rule

_MOST_AT_ONCE = 64
_NOBODY, _NOBODYS_DIGITS = "+12025550100", "0000000000"
"""A number from the range reserved for examples, and digits that nobody has."""

log = logging.getLogger(__name__)


class Prober:
    """Probes the CRMs that are paused, and logs which calls leave alone and ask again.

    Each is asked in a thread of its own, so that one that hangs keeps no other waiting.
    """

    def __init__(self, live: Live, breakers: Breakers, apart: Apart) -> None:
        self._live = live
        self._breakers = breakers
        self._apart = apart
        self._paused: frozenset[str] = frozenset()
        self._under_way: set[str] = set()

    def run(self) -> None:
        """Begin to ask each CRM that is paused, when it is time; needs no database."""
        loaded = self._live.tables.loaded
        if loaded is None:
            return
        paused = set()
        for one, source in sources(loaded.table, self._live.clients):
            pause = self._breakers.pause(source.name)
            if pause is not None:
                paused.add(source.name)
                self._begin(one, source)
            self._tell(one, source, pause)
        self._paused = frozenset(paused)

    def _tell(self, one: Asked, source: Source, pause: Pause | None) -> None:
        was_paused = source.name in self._paused
        if pause is not None and not was_paused:
            log.warning("Calls leave the CRM %s alone, as it fails: %s", one.name, pause.reason)
        elif pause is None and was_paused:
            log.info("Calls ask the CRM %s again", one.name)

    def _begin(self, one: Asked, source: Source) -> None:
        if source.name in self._under_way or len(self._under_way) >= _MOST_AT_ONCE:
            return
        pause = self._breakers.due(source.name)
        if pause is None:
            return
        self._under_way.add(source.name)
        try:
            threading.Thread(target=self._probe, args=(one, source, pause), daemon=True).start()
        except RuntimeError as error:
            self._under_way.discard(source.name)
            log.error("The CRM %s can't be probed now: %s", one.name, error)

    def _probe(self, one: Asked, source: Source, pause: Pause) -> None:
        """Give a CRM as much time as a rule does, but no more than was too little for calls."""
        seconds = float(one.rule.budget)
        if pause.patience is not None:
            seconds = min(seconds, pause.patience)
        try:
            with self._apart(one.name):
                trouble = _trouble_with(source.client, one.rule, Deadline.after(seconds))
                self._breakers.judge(source.name, trouble, seconds)
        finally:
            self._under_way.discard(source.name)


def _trouble_with(client: CrmClient, rule: Rule, deadline: Deadline) -> CrmError | None:
    """Look somebody up who is nobody, as the rule does; return what goes wrong."""
    who: Who
    if rule.find_by is FindBy.DIGITS:
        who = KeyedDigits(_NOBODYS_DIGITS, rule.search_field)
    else:
        who = Caller(_NOBODY)
    search = Search(who, rule.module, rule.fields)
    facts = CallFacts(caller=_NOBODY, call_id="probe")
    try:
        client.find(search, facts, deadline)
    except CrmError as error:
        return error
    return None
