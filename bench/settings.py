"""How long and how often is measured."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.crm import Authority


@dataclass(frozen=True, slots=True)
class Bench:
    """`pairs` of runs of so many `seconds`; `folder` is where everything is put."""

    folder: Path
    pairs: int
    seconds: int
    rows: int
    authority: Authority


@contextmanager
def bench(where: Path, pairs: int, seconds: int, rows: int) -> Iterator[Bench]:
    """Yield a bench with an empty folder, which is gone afterwards."""
    where.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=where) as name:  # on the disk, as the journal in production
        folder = Path(name)
        yield Bench(folder, pairs, seconds, rows, Authority(folder))
