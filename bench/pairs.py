"""Two sides in turn, ABAB…, compared within each pair: what the machine does to one, it does to
the other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

from bench.load import Run

Runner: TypeAlias = Callable[[], Run]
"""Lets callers call a side for some seconds."""

DISTURBED = 0.7
"""A pair counts only where the reference reaches so much of its best."""
_MOST_AGAIN = 2  # times as many pairs as wanted, then it is what it is


@dataclass(frozen=True, slots=True)
class Pair:
    """One run of each side, one right after the other."""

    ours: Run
    reference: Run

    @property
    def ratio(self) -> float:
        """Our calls a second against the reference's."""
        return self.ours.rate / self.reference.rate


@dataclass(frozen=True, slots=True)
class Comparison:
    """The pairs that count, and how many had to be run again."""

    pairs: Sequence[Pair]
    again: int

    @property
    def ratio(self) -> float:
        """The median of the pairs' ratios."""
        return median(pair.ratio for pair in self.pairs)

    @property
    def spread(self) -> tuple[float, float]:
        """The smallest and the largest ratio."""
        ratios = [pair.ratio for pair in self.pairs]
        return min(ratios), max(ratios)

    @property
    def ours(self) -> Run:
        """The run of ours whose rate is the median."""
        return _middle([pair.ours for pair in self.pairs])

    @property
    def reference(self) -> Run:
        """The run of the reference whose rate is the median."""
        return _middle([pair.reference for pair in self.pairs])


def compare(ours: Runner, reference: Runner, count: int) -> Comparison:
    """Run both in turn until `count` pairs count, once each beforehand to warm up."""
    ours()
    reference()
    run: list[Pair] = []
    while len(good := undisturbed(run)) < count and len(run) < count * (1 + _MOST_AGAIN):
        run.append(Pair(ours(), reference()))
    good = (good if len(good) == count else run)[:count]
    return Comparison(good, len(run) - len(good))


def undisturbed(pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pairs whose reference was not disturbed, as its best shows."""
    best = max((pair.reference.rate for pair in pairs), default=0)
    return [pair for pair in pairs if pair.reference.rate >= DISTURBED * best]


def _middle(runs: Sequence[Run]) -> Run:
    return sorted(runs, key=lambda run: run.rate)[len(runs) // 2]
