"""A moment until which an answer is worth having."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on a monotonic clock, handed along so that every step shares one budget."""

    at: float
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> "Deadline":
        """Return the deadline that lies `seconds` from now."""
        return cls(clock() + seconds, clock)

    def within(self, seconds: float) -> "Deadline":
        """Return the deadline that lies `seconds` from now, or this one if it comes first."""
        return Deadline(min(self.at, self.clock() + seconds), self.clock)

    def remaining(self) -> float:
        """Return the seconds left; zero or less once it has passed."""
        return self.at - self.clock()

    def has_passed(self) -> bool:
        """Say whether there is no time left."""
        return self.remaining() <= 0
