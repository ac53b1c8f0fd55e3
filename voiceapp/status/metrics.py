"""Numbers for whoever watches the service (Prometheus); no telephone number stands in them."""

import logging
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from voiceapp.rules.rule import DestinationKind, Outcome
from voiceapp.status import tallies

LOST = "voiceapp_journal_lost_rows"

_ANSWER_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 8)
_LOOKUP_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 8)
_MOST_LABELS = 256

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Now:
    """What is counted by nobody, but can be seen at a moment."""

    release: int
    backlog_bytes: int
    worker_seconds: float | None
    breakers: Mapping[str, str]
    degraded: Mapping[str, bool]
    """What can be wrong, and whether it is."""


class Metrics:
    """Counts what happens in calls. Counting never fails, and costs microseconds.

    The counters are made at the first use: a process may choose before whether it counts together
    with others (`tallies.count_together`).
    """

    def decided(self, outcome: str, destination: str, seconds: float) -> None:
        """Count a webhook that chose a destination, and how long its answer took."""

        def count() -> None:
            self._made.decisions_of(outcome or "no rule", destination).inc()
            self._made.answers.observe(seconds)

        self._count(count)

    def looked_up(self, crm: str, result: str, seconds: float) -> None:
        """Count a CRM that was asked."""
        self._count(lambda: self._made.lookups_of(crm, result).observe(seconds))

    def refused(self) -> None:
        """Count a webhook that is not Twilio's."""
        self._count(lambda: self._made.refused.inc())

    def redelivered(self) -> None:
        """Count a webhook that was answered as it was before."""
        self._count(lambda: self._made.redelivered.inc())

    def differing(self, count: int) -> None:
        """Count second answers that differ from the first."""
        self._count(lambda: self._made.differing.inc(count))

    def lost(self) -> None:
        """Count a journal line that neither file nor database has."""
        self._count(lambda: self._made.lost.inc())

    def followed(self) -> None:
        """Count a release that a process has begun to follow."""
        self._count(lambda: self._made.followed.inc())

    def lost_rows(self) -> int:
        """Return how many journal lines were lost, in all processes that count together."""
        return int(
            sum(
                sample.value
                for metric in self._registry().collect()
                for sample in metric.samples
                if sample.name == f"{LOST}_total"
            )
        )

    def tell(self, now: Now) -> bytes:
        """Return all numbers as Prometheus reads them."""
        self._count(lambda: self._made)  # what was never counted is told, too: as 0
        registry = self._registry()
        registry.register(_Present(now))
        text: bytes = generate_latest(registry)
        return text

    @cached_property
    def _made(self) -> "_Counters":
        return _Counters(CollectorRegistry())

    def _registry(self) -> CollectorRegistry:
        registry = CollectorRegistry()
        folder = tallies.shared_folder()
        if folder is None:
            registry.register(_Own(self._made.registry))
        else:
            MultiProcessCollector(  # type: ignore[no-untyped-call]  # ships no types
                registry, path=str(folder)
            )
        return registry

    def _count(self, count: Callable[[], object]) -> None:
        try:
            count()
        except (OSError, ValueError) as error:  # a file that can't be made, or is damaged
            log.warning("Something was not counted: %s", error)


class _Counters:
    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(name, meaning, labels, registry=registry)

        def histogram(name: str, meaning: str, seconds: Iterable[float], *labels: str) -> Histogram:
            return Histogram(name, meaning, labels, buckets=tuple(seconds), registry=registry)

        self.registry = registry
        decisions = counter(
            "voiceapp_decisions", "Webhooks that chose a destination.", "outcome", "destination"
        )
        # the library looks for labels under a lock, and makes texts of them first
        self.decisions_of = lru_cache(_MOST_LABELS)(decisions.labels)
        for kind in DestinationKind:  # so that the first failure is seen as a growing number
            self.decisions_of(Outcome.FAILED.value, kind.value)
        self.answers = histogram(
            "voiceapp_answer_seconds", "From a webhook to its answer.", _ANSWER_SECONDS
        )
        lookups = histogram(
            "voiceapp_lookup_seconds", "How long CRMs took.", _LOOKUP_SECONDS, "crm", "result"
        )
        self.lookups_of = lru_cache(_MOST_LABELS)(lookups.labels)
        self.refused = counter("voiceapp_webhooks_refused", "Webhooks that were not Twilio's.")
        self.redelivered = counter(
            "voiceapp_webhooks_redelivered", "Webhooks that were answered as they were before."
        )
        self.differing = counter(
            "voiceapp_answers_differing", "Second answers to a webhook that differ from the first."
        )
        self.lost = counter(LOST, "Journal lines that neither file nor database has.")
        self.followed = counter(
            "voiceapp_releases_followed", "Releases that processes have begun to follow."
        )


class _Own(Collector):
    """Tells what a process has counted for itself."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterable[Metric]:
        return self._registry.collect()


class _Present(Collector):
    """Tells what can be seen now."""

    def __init__(self, now: Now) -> None:
        self._now = now

    def collect(self) -> Iterable[Metric]:
        now = self._now
        yield GaugeMetricFamily("voiceapp_release", "The release that calls follow.", now.release)
        yield GaugeMetricFamily(
            "voiceapp_journal_backlog_bytes", "Journal not yet in the database.", now.backlog_bytes
        )
        yield GaugeMetricFamily(
            "voiceapp_worker_seen_seconds",
            "Since the worker showed that it is alive; infinite if it has ended.",
            math.inf if now.worker_seconds is None else now.worker_seconds,
        )
        degraded = GaugeMetricFamily(
            "voiceapp_degraded", "1 for what is not as it should be.", labels=["what"]
        )
        for what, is_so in now.degraded.items():
            degraded.add_metric([what], is_so)
        yield degraded
        breakers = GaugeMetricFamily(
            "voiceapp_breaker", "1 for the state that a CRM is in.", labels=["integration", "state"]
        )
        for integration, state in now.breakers.items():
            breakers.add_metric([integration, state], 1)
        yield breakers
