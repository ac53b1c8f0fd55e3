"""`python -m bench`: measure, and write bench/results.md."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter

import click

from bench import crm, history, own_time, report, size, throughput
from bench.finding import Finding
from bench.load import ceiling
from bench.settings import Bench, bench

_MEASURES: Mapping[str, Callable[[Bench], Sequence[Finding]]] = {
    "warm": throughput.warm,
    "asked": throughput.asked,
    "slow": throughput.slow,
    "dead": throughput.dead,
    "own-time": own_time.own_time,
    "rules": size.many_rules,
    "rows": history.many_rows,
    "memory": size.memory,
}
_RESULTS = Path(__file__).with_name("results.md")
_BUILD = Path(__file__).parents[1] / "build" / "bench"


@click.command()
@click.option("--pairs", default=9, show_default=True, help="Pairs of runs for each ratio.")
@click.option("--seconds", default=4, show_default=True, help="Seconds that a run takes.")
@click.option("--rows", default=1_000_000, show_default=True, help="Rows that are many.")
@click.option("--only", type=click.Choice(sorted(_MEASURES)), help="One measure; writes no file.")
def main(pairs: int, seconds: int, rows: int, only: str | None) -> None:
    """Measure voiceapp against other ways of doing the same."""
    chosen = {only: _MEASURES[only]} if only else _MEASURES
    with bench(_BUILD, pairs, seconds, rows) as ready:
        figures = [_ceiling(ready)]
        found = {name: _measured(name, measure, ready) for name, measure in chosen.items()}
        page = report.page(ready, found, figures)
    click.echo(page)
    if not only:
        _RESULTS.write_text(page)


def _measured(
    name: str, measure: Callable[[Bench], Sequence[Finding]], ready: Bench
) -> Sequence[Finding]:
    began = perf_counter()
    found = measure(ready)
    for one in found:
        mark = "✓" if one.is_met else "✗"
        click.echo(f"{mark} {one.measure} {one.against}: {one.result}, {one.goal}", err=True)
    click.echo(f"  {name} took {perf_counter() - began:.0f} s", err=True)
    return found


def _ceiling(ready: Bench) -> str:
    with ExitStack() as stack:
        asked = stack.enter_context(crm.answering(ready.folder, ready.authority))
        return f"the CRM's stand-in alone answers {ceiling(asked.url):.0f} questions a second"


if __name__ == "__main__":
    main()
