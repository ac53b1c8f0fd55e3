"""What a measure comes to, and whether that is what we want."""

from dataclasses import dataclass, replace

from bench.load import Run
from bench.pairs import Comparison


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table of results.

    `wish` is what we want beyond the goal, blank if the goal is all.
    """

    measure: str
    against: str
    result: str
    goal: str
    is_met: bool
    wish: str = ""
    figures: tuple[str, ...] = ()

    def noting(self, *figures: str) -> "Finding":
        """Return the finding with more figures."""
        return replace(self, figures=(*self.figures, *figures))


def at_least(
    measure: str, against: str, comparison: Comparison, goal: float, wish: float | None = None
) -> Finding:
    """Return the finding of a comparison whose ratio should be `goal` or more."""
    low, high = comparison.spread
    return Finding(
        measure,
        against,
        f"{comparison.ratio:.2f} ({low:.2f}–{high:.2f})",
        f"≥ {goal:.2f}",
        comparison.ratio >= goal,
        f"≥ {wish:.2f}" if wish else "",
        (
            f"voiceapp: {told(comparison.ours)}",
            f"{against}: {told(comparison.reference)}",
            f"{len(comparison.pairs)} pairs, {comparison.again} run again",
        ),
    )


def at_most(
    measure: str,
    value: float,
    goal: float,
    unit: str,
    *figures: str,
    against: str = "",
) -> Finding:
    """Return the finding of a value that should be `goal` or less."""
    return Finding(
        measure,
        against,
        f"{value:.1f} {unit}",
        f"≤ {goal:g} {unit}",
        value <= goal,
        figures=figures,
    )


def told(run: Run) -> str:
    """Return a run in words."""
    return (
        f"{run.rate:.0f} calls/s, half of them within {run.median_ms:.1f} ms, "
        f"99 of 100 within {run.p99_ms:.1f} ms"
    )
