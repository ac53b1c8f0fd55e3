"""What processes and machines know together for a while."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Shared(Protocol):
    """Keeps texts under names for some seconds; safe to share between threads.

    It may be away, or slow: then nothing is known and nothing is kept. No method raises for that,
    and none keeps a caller waiting for long.
    """

    @property
    def is_away(self) -> bool:
        """Say whether nothing can be shared at the moment."""
        ...

    def visit(self) -> AbstractContextManager[None]:
        """Let one caller, in this thread, wait no longer for all until the end than for one step.

        What is written meanwhile goes along with what is read next, or at the end.
        """
        ...

    def read(self, names: Sequence[str]) -> Sequence[str | None]:
        """Return what is kept under each name, None for nothing."""
        ...

    def claim(
        self, name: str, seconds: float, names: Sequence[str]
    ) -> tuple[bool, Sequence[str | None]]:
        """Take something on, and read; say whether it is ours now and what is kept.

        It is not while another has taken it on. Whoever is alone always may.
        """
        ...

    def write(self, texts: Mapping[str, str], seconds: float) -> None:
        """Keep texts under their names."""
        ...

    def let_go(self, name: str) -> None:
        """Let others take on what was claimed; a claim of somebody else's stays."""
        ...

    def count(self, name: str, amount: int, seconds: float) -> int | None:
        """Add to a number that is forgotten so many seconds after it began; return what it is.

        None if nobody can say.
        """
        ...


class NothingShared:
    """Everybody for themselves: each process knows what it has seen."""

    is_away = False

    def visit(self) -> AbstractContextManager[None]:
        """Have nothing to wait for."""
        return nullcontext()

    def read(self, names: Sequence[str]) -> Sequence[str | None]:
        """Know nothing."""
        return [None] * len(names)

    def claim(
        self, name: str, seconds: float, names: Sequence[str]
    ) -> tuple[bool, Sequence[str | None]]:
        """Let everybody."""
        return True, [None] * len(names)

    def write(self, texts: Mapping[str, str], seconds: float) -> None:
        """Keep nothing."""

    def let_go(self, name: str) -> None:
        """Have nothing to let go of."""

    def count(self, name: str, amount: int, seconds: float) -> int | None:
        """Know no number."""
        return None


NOTHING_SHARED = NothingShared()
