"""What is counted: exactly, by all processes together, and without a telephone number."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.routing.journals import run_python, start_python
from voiceapp.crm.registry import KINDS
from voiceapp.rules.decide import Outcome
from voiceapp.rules.rule import DestinationKind
from voiceapp.status import tallies
from voiceapp.status.metrics import Metrics, Now

NOW = Now(
    release=12,
    backlog_bytes=3456,
    worker_seconds=0.5,
    breakers={"our-crm": "open", "other": "closed"},
    degraded={"database": True, "redis": False},
)


def told(metrics: Metrics, now: Now = NOW) -> list[str]:
    lines = metrics.tell(now).decode().splitlines()
    return [line for line in lines if not line.startswith("#") and "_created" not in line]


def test_what_was_counted_is_told():
    metrics = Metrics()

    metrics.decided("matched", "queue", 0.004)
    metrics.decided("", "ivr", 0.2)
    metrics.looked_up("salesforce", "found", 0.2)
    metrics.lost()
    metrics.refused()
    metrics.redelivered()
    metrics.differing(2)
    metrics.followed()

    assert set(told(metrics)) >= {
        'voiceapp_decisions_total{destination="queue",outcome="matched"} 1.0',
        'voiceapp_decisions_total{destination="ivr",outcome="no rule"} 1.0',
        'voiceapp_answer_seconds_bucket{le="0.005"} 1.0',
        "voiceapp_answer_seconds_count 2.0",
        'voiceapp_lookup_seconds_bucket{crm="salesforce",le="0.3",result="found"} 1.0',
        "voiceapp_journal_lost_rows_total 1.0",
        "voiceapp_webhooks_refused_total 1.0",
        "voiceapp_webhooks_redelivered_total 1.0",
        "voiceapp_answers_differing_total 2.0",
        "voiceapp_releases_followed_total 1.0",
        "voiceapp_release 12.0",
        "voiceapp_journal_backlog_bytes 3456.0",
        "voiceapp_worker_seen_seconds 0.5",
        'voiceapp_breaker{integration="our-crm",state="open"} 1.0',
        'voiceapp_degraded{what="database"} 1.0',
        'voiceapp_degraded{what="redis"} 0.0',
    }
    assert metrics.lost_rows() == 1


def test_a_worker_that_is_gone_is_above_any_number():
    assert "voiceapp_worker_seen_seconds +Inf" in told(Metrics(), replace(NOW, worker_seconds=None))


def test_a_failure_is_told_before_there_was_one():
    metrics = Metrics()
    zero = 'voiceapp_decisions_total{destination="queue",outcome="CRM failed"} 0.0'
    assert zero in told(metrics)

    metrics.decided("CRM failed", "queue", 0.1)

    assert zero.replace("0.0", "1.0") in told(metrics)


_COUNT = """
import os, signal, sys
from pathlib import Path
from voiceapp.status import tallies
from voiceapp.status.metrics import Metrics

folder, name, count, end = sys.argv[1:]
tallies.count_together(Path(folder), name)
metrics = Metrics()
for _ in range(int(count)):
    metrics.lost()
    metrics.decided("matched", "queue", 0.01)
print(metrics.lost_rows(), flush=True)
if end == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_process_counted_outlives_it_even_when_it_is_killed(tmp_path: Path):
    with start_python(_COUNT, tmp_path, "web-0", "3", "killed") as first:
        first.communicate(timeout=60)

    other = run_python(_COUNT, tmp_path, "web-1", "4", "ends")
    successor = run_python(_COUNT, tmp_path, "web-0", "5", "ends")

    assert (first.returncode, int(other), int(successor)) == (-9, 7, 12)


def test_what_is_forgotten_begins_anew_and_others_stay(tmp_path: Path):
    for name in ("web-0", "worker"):
        run_python(_COUNT, tmp_path, name, "3", "ends")

    tallies.forget(tmp_path, "web-*")

    assert int(run_python(_COUNT, tmp_path, "web-0", "1", "ends")) == 4


_EVERYTHING = """
import sys
from pathlib import Path
from voiceapp.status import tallies
from voiceapp.status.metrics import Metrics

folder, outcomes, kinds, crms = sys.argv[1:]
tallies.count_together(Path(folder), "web-0")
metrics = Metrics()
for outcome in ["", *outcomes.split(",")]:
    for kind in kinds.split(","):
        metrics.decided(outcome, kind, 0.01)
for crm in crms.split(","):
    for result in ("found", "not found", "several found", "failed"):
        metrics.looked_up(crm, result, 0.01)
for count in (metrics.lost, metrics.refused, metrics.redelivered, metrics.followed):
    count()
metrics.differing(1)
"""


def test_the_files_have_room_for_all_that_can_be_counted(tmp_path: Path):
    names = [outcome.value for outcome in Outcome], [kind.value for kind in DestinationKind], KINDS
    run_python(_EVERYTHING, tmp_path, *(",".join(some) for some in names))

    sizes = {path.name: path.stat().st_size for path in tmp_path.glob("*.db")}

    assert sizes == {"counter_web-0.db": 32 * 1024, "histogram_web-0.db": 256 * 1024}


_FULL_DISK = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
"""


def test_a_process_counts_for_itself_where_the_disk_is_full(tmp_path: Path):
    assert int(run_python(_FULL_DISK + _COUNT, tmp_path, "web-0", "3", "ends")) == 3


def test_names_are_given_once_and_again_when_they_are_free():
    names = tallies.Names("web-")

    given = [names.take() for _ in range(3)]
    names.give_back("web-1")

    assert given == ["web-0", "web-1", "web-2"]
    assert [names.take(), names.take()] == ["web-1", "web-3"]


def test_counting_that_fails_is_no_trouble(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def fail() -> None:
        raise OSError("no room")

    monkeypatch.setattr(Metrics, "_made", SimpleNamespace(lost=SimpleNamespace(inc=fail)))

    Metrics().lost()

    assert "no room" in caplog.text
