"""What a large installation costs: calls a second, start and reload, memory."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

from bench import crm, sides
from bench.calls import Callers
from bench.finding import Finding, at_least, at_most
from bench.installation import publish_again
from bench.load import Load, release_of
from bench.pairs import compare
from bench.processes import megabytes
from bench.settings import Bench
from bench.sides import Side
from bench.throughput import AT_ONCE, FAMILIAR

FEW, MANY = 10, 10_000
_ROUNDS = 40  # answers in a row by the new release, each on a connection of its own
_FULL = 40_000  # calls after which both processes remember as much as they ever will


def many_rules(bench: Bench) -> Sequence[Finding]:
    """Ten thousand DIDs, each with a rule, against ten."""
    with ExitStack() as stack:
        asked = stack.enter_context(crm.answering(bench.folder, bench.authority))
        few = stack.enter_context(sides.voiceapp(bench.folder, "few", asked, rules=FEW))
        many = stack.enter_context(sides.voiceapp(bench.folder, "many", asked, rules=MANY))
        on_many, on_few = (
            partial(Load(Callers(FAMILIAR, rules), AT_ONCE, bench.seconds).on, side.port)
            for rules, side in ((MANY, many), (FEW, few))
        )
        compared = compare(on_many, on_few, bench.pairs)
        reload_seconds, longest_ms = _reload(many)
    start_seconds = _start(many)
    finding = at_least(f"{MANY:,} DIDs and rules, calls/s", f"{FEW} of them", compared, 0.95)
    noted = (
        f"{start_seconds:.1f} s from the start until both processes route calls",
        f"a new release is followed {reload_seconds:.1f} s after it was published; "
        f"the slowest answer meanwhile took {longest_ms:.0f} ms",
    )
    return (finding.noting(*noted),)


def memory(bench: Bench) -> Sequence[Finding]:
    """The memory of a web process that remembers as many answers as it may."""
    goals = {FEW: 140, MANY: 220}
    with ExitStack() as stack:
        asked = stack.enter_context(crm.answering(bench.folder, bench.authority))
        return tuple(
            at_most(
                f"memory of a web process (PSS), {rules:,} rules", _memory(side, bench), goal, "MB"
            )
            for rules, goal in goals.items()
            for side in [
                stack.enter_context(
                    sides.voiceapp(bench.folder, f"memory{rules}", asked, rules=rules)
                )
            ]
        )


def _memory(side: Side, bench: Bench) -> float:
    answered = 0
    while answered < _FULL:
        answered += Load(Callers(), AT_ONCE, bench.seconds).on(side.port).calls
    return max(map(megabytes, side.processes()))


def _start(side: Side) -> float:
    """Start an installation that is set up; return the seconds until calls follow it."""
    began = time.perf_counter()
    with sides.started(side.settings, side.folder, "start"):
        return time.perf_counter() - began


def _reload(side: Side) -> tuple[float, float]:
    """Publish; return the seconds until all follow, and the slowest answer's milliseconds."""
    number = publish_again(side.settings)
    published = last_by_old = time.perf_counter()
    longest, in_a_row = 0.0, 0
    while in_a_row < _ROUNDS:
        began = time.perf_counter()
        follows = release_of(side.port) == number
        now = time.perf_counter()
        longest = max(longest, now - began)
        in_a_row = in_a_row + 1 if follows else 0
        last_by_old = last_by_old if follows else now
        time.sleep(0.02)
    return last_by_old - published, longest * 1000
