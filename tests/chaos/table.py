"""The table that `make chaos` ends with: what was done, what came of it, and how long it took."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass

HEADINGS = ("fault", "where", "what was answered", "slowest", "goal", "")


@dataclass(frozen=True, slots=True)
class Line:
    """One fault: `slowest` of its answers and the `goal` are in seconds, None where none is set."""

    fault: str
    where: str
    answered: str
    slowest: float | None = None
    goal: float | None = None

    @property
    def cells(self) -> Sequence[str]:
        return (
            self.fault,
            self.where,
            self.answered,
            _seconds(self.slowest),
            _seconds(self.goal),
            self._verdict,
        )

    @property
    def _verdict(self) -> str:
        if self.slowest is None or self.goal is None:
            return ""
        return "within" if self.slowest <= self.goal else "beyond"


def table(lines: Iterable[Line]) -> list[str]:
    """Return the lines of a table as text, in columns."""
    rows = [HEADINGS, *(line.cells for line in lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def packed(line: Line) -> tuple[object, ...]:
    """Return a line as plain values, which a report can carry."""
    return astuple(line)


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.2f} s"
