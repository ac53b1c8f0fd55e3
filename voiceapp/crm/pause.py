"""Since when, why and by whom a CRM is left alone, and when it is time to look after it."""

from dataclasses import dataclass, replace

from voiceapp.crm.contract import CrmError, CrmOutOfTime, CrmThrottled, CrmUnavailable

FORSAKEN = 60.0
"""Seconds without a probe after which a call asks again: there seems to be no worker."""
_THROTTLED = 10.0
_FIRST_PROBE, _SLOWEST_PROBE = 1.0, 30.0
_SOON = 60.0
_ALIKE = 0.25
"""Seconds by which the time that calls of one rule have may differ."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Why and since when a CRM is not asked; moments in seconds since 1970.

    Until `until` not even a probe asks it. `probed` is when it was probed last, `probes` how often.
    It holds for those who have no more than `patience` seconds, None is for all. `ended` is when
    the CRM answered again, 0 before it did.
    """

    since: float
    until: float
    reason: str
    patience: float | None = None
    probed: float = 0.0
    probes: int = 0
    ended: float = 0.0

    def holds_for(self, seconds: float) -> bool:
        """Say whether somebody is not to ask who would wait so long for the answer."""
        return self.patience is None or seconds <= self.patience + _ALIKE

    def is_forsaken(self, now: float) -> bool:
        """Say whether nobody probes, or would for long, as the clock was set back."""
        last = max(self.since, self.probed)
        return now - max(last, self.until) > FORSAKEN or last - now > FORSAKEN

    def is_due(self, now: float) -> bool:
        """Say whether it is time for a probe; they become less and less frequent."""
        wait = min(_FIRST_PROBE * 2.0 ** min(self.probes, 10), _SLOWEST_PROBE)
        is_time = now >= max(self.until, max(self.since, self.probed) + wait)
        return is_time or self.is_forsaken(now)

    def probed_at(self, now: float) -> "Pause":
        """Return it with one more probe; none of its moments lies ahead any more."""
        return replace(
            self,
            since=min(self.since, now),
            until=min(self.until, now),
            probed=now,
            probes=self.probes + 1,
        )

    def followed_by(self, later: "Pause") -> "Pause":
        """Return what comes of later trouble: this pause goes on, unless it has ended.

        It never becomes shorter by that. One that begins soon after its end is probed as rarely.
        """
        if self.ended:
            return replace(later, probes=self.probes if later.since - self.ended < _SOON else 0)
        longer = self if self.until > later.until else later
        return replace(
            longer,
            since=self.since,
            patience=_most(self.patience, later.patience),
            probed=self.probed,
            probes=self.probes,
        )


def pause_after(error: CrmError, seconds: float, now: float) -> Pause:
    """Return the pause that trouble makes for somebody who had so many seconds."""
    patience = seconds if isinstance(error, CrmOutOfTime) else None
    return Pause(now, now + (asked_pause(error) or 0.0), str(error), patience)


def asked_pause(error: CrmError) -> float | None:
    """Return the seconds that a CRM asks to be left alone; None if it does not."""
    if isinstance(error, CrmUnavailable) and error.retry_after is not None:
        return error.retry_after
    return _THROTTLED if isinstance(error, CrmThrottled) else None


def _most(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else max(one, other)
