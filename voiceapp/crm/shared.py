"""What processes and machines know together for a while."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class Shared(Protocol):
    """Keeps texts under names for some seconds; safe to share between threads.

    It may be away: then nothing is known and nothing is kept. No method raises for that, and none
    keeps a caller waiting.
    """

    @property
    def is_away(self) -> bool:
        """Say whether nothing can be shared at the moment."""
        ...

    def read(self, names: Sequence[str]) -> Sequence[str | None]:
        """Return what is kept under each name, None for nothing."""
        ...

    def write(self, texts: Mapping[str, str], seconds: float) -> None:
        """Keep texts under their names."""
        ...

    def claim(self, name: str, seconds: float) -> bool:
        """Take something on; False while another has done so. Whoever is alone always may."""
        ...

    def forget(self, *names: str) -> None:
        """Let go of what is kept, or was claimed, under names."""
        ...

    def count(self, name: str, amount: int, seconds: float) -> int | None:
        """Add to a number that is forgotten so many seconds after it began; return what it is.

        None if nobody can say.
        """
        ...


class NothingShared:
    """Everybody for themselves: each process knows what it has seen."""

    is_away = False

    def read(self, names: Sequence[str]) -> Sequence[str | None]:
        """Know nothing."""
        return [None] * len(names)

    def write(self, texts: Mapping[str, str], seconds: float) -> None:
        """Keep nothing."""

    def claim(self, name: str, seconds: float) -> bool:
        """Let everybody."""
        return True

    def forget(self, *names: str) -> None:
        """Have nothing to let go of."""

    def count(self, name: str, amount: int, seconds: float) -> int | None:
        """Know no number."""
        return None


NOTHING_SHARED = NothingShared()
