"""How the worker keeps the journal's rows, and lets others see that it does."""

from pathlib import Path

from sqlalchemy import Engine

from voiceapp.routing.ledger import Collector
from voiceapp.status.heartbeat import Heartbeat
from voiceapp.status.metrics import Metrics


class Keeping:
    """Keeps the journal's rows, showing signs of life, and counts what is odd about them."""

    def __init__(self, instance: Path, engine: Engine, metrics: Metrics) -> None:
        self._collector = Collector(instance / "journal", engine, on_batch=self._show)
        self._heartbeat = Heartbeat(instance, lambda: self._collector.read)
        self._metrics = metrics
        self._differing = 0

    def run(self) -> None:
        """Turn lines into rows. Raises CollectError."""
        self._show()
        self._collector.collect()
        self._show()

    def end(self) -> None:
        """Show no more signs of life."""
        self._heartbeat.end()

    def _show(self) -> None:
        self._heartbeat.beat()
        if more := self._collector.differing - self._differing:
            self._metrics.differing(more)
            self._differing += more
