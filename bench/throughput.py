"""Calls a second: with a warm cache, a CRM that is asked each time, that is slow, that is dead."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from bench import crm, sides
from bench.calls import Callers
from bench.finding import Finding, at_least, at_most
from bench.load import Load, Run, WrongAnswer
from bench.pairs import Comparison, compare
from bench.rows import rows_of
from bench.settings import Bench
from bench.sides import Side

AT_ONCE = 32
FAMILIAR = 200
"""How many people call over and over where the cache is warm."""

_SLOW_MS = 300
_SLOW_AT_ONCE = 300
_BACKLOG_SECONDS = 120.0
_QUIET_SECONDS = 3.0


def warm(bench: Bench) -> Sequence[Finding]:
    """A warm cache against the floor, and how long the worker needs to write what came in."""
    load = Load(Callers(again=FAMILIAR), AT_ONCE, bench.seconds)
    with ExitStack() as stack:
        asked = stack.enter_context(crm.answering(bench.folder, bench.authority))
        floor = stack.enter_context(sides.floor(bench.folder))
        ours = stack.enter_context(sides.voiceapp(bench.folder, "warm", asked))
        answered: list[int] = []

        def on_ours() -> Run:
            run = load.on(ours.port)
            answered.append(run.calls)
            return run

        compared = compare(on_ours, partial(load.on, floor.port), bench.pairs)
        seconds = _until_written(ours, sum(answered))
    backlog = at_most(
        "all of these calls are rows of the journal, after the last one",
        seconds,
        _BACKLOG_SECONDS,
        "s",
        f"{sum(answered)} calls answered, each has its row",
    )
    return at_least("warm cache, calls/s", "floor", compared, 0.80), backlog


def asked(bench: Bench) -> Sequence[Finding]:
    """Every caller is a stranger, so that the CRM is asked for each; it answers at once."""
    load = Load(Callers(), AT_ONCE, bench.seconds)
    measure = "every call asks a CRM that answers at once, calls/s"
    with ExitStack() as stack:
        asked = stack.enter_context(crm.answering(bench.folder, bench.authority))
        by_hand = stack.enter_context(sides.by_hand(bench.folder, asked))
        express = stack.enter_context(sides.express(bench.folder, asked))
        ours = stack.enter_context(sides.voiceapp(bench.folder, "asked", asked))
        return (
            at_least(measure, "by hand", _compare(bench, load, ours, by_hand), 1.8, 2.2),
            at_least(measure, "Express", _compare(bench, load, ours, express), 1.0, 1.2),
        )


def slow(bench: Bench) -> Sequence[Finding]:
    """The CRM takes its time, and many callers wait for it at once."""
    # a round takes 0.3 s, and the last one may be cut off: longer runs, so that it matters little
    load = Load(Callers(), _SLOW_AT_ONCE, 2 * bench.seconds)
    measure = f"the CRM takes {_SLOW_MS} ms, {_SLOW_AT_ONCE} callers at once, calls/s"
    limit = _SLOW_AT_ONCE * 1000 / _SLOW_MS
    with ExitStack() as stack:
        asked = stack.enter_context(crm.answering(bench.folder, bench.authority, _SLOW_MS))
        by_hand = stack.enter_context(sides.by_hand(bench.folder, asked))
        ours = stack.enter_context(sides.voiceapp(bench.folder, "slow", asked))
        compared = _compare(bench, load, ours, by_hand)
    at_limit = Run(0, limit, _SLOW_MS, _SLOW_MS)
    against_limit = replace(
        compared, pairs=[replace(pair, reference=at_limit) for pair in compared.pairs]
    )
    return (
        at_least(measure, f"the limit of {limit:.0f}/s", against_limit, 0.75, 0.80),
        at_least(measure, "by hand", compared, 7, 8),
    )


def dead(bench: Bench) -> Sequence[Finding]:
    """A CRM that refuses every connection, against one that was asked lately."""
    warm = Load(Callers(again=FAMILIAR), AT_ONCE, bench.seconds)
    failing = Load(Callers(again=FAMILIAR, first=1), AT_ONCE, bench.seconds, queue="overflow")
    with ExitStack() as stack:
        alive = stack.enter_context(crm.answering(bench.folder, bench.authority))
        gone = stack.enter_context(crm.dead(bench.authority))
        ours = stack.enter_context(sides.voiceapp(bench.folder, "dead", alive, gone, rules=2))
        compared = compare(partial(failing.on, ours.port), partial(warm.on, ours.port), bench.pairs)
    return (at_least("CRM dead, breaker open, calls/s", "warm cache", compared, 0.95),)


def _compare(bench: Bench, load: Load, ours: Side, reference: Side) -> Comparison:
    return compare(partial(load.on, ours.port), partial(load.on, reference.port), bench.pairs)


def _until_written(ours: Side, answered: int) -> float:
    """Wait until all that was answered are rows; return the seconds since the last call."""
    began = latest = time.perf_counter()
    rows = 0
    # calls that were cut off when a run ended have rows, too: done is when no more of them come
    while rows < answered or time.perf_counter() - latest < _QUIET_SECONDS:
        if time.perf_counter() - began > 2 * _BACKLOG_SECONDS:
            raise WrongAnswer(f"{answered} calls were answered, {rows} have a row.")
        time.sleep(0.1)
        before, rows = rows, rows_of(ours.settings)
        latest = latest if rows == before else time.perf_counter()
    return latest - began
