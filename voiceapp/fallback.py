"""The safe destinations as files of TwiML, to be hosted where voiceapp is not."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from flask.cli import with_appcontext

from voiceapp.console.ready import newest_table
from voiceapp.routing.table import Table
from voiceapp.routing.tables import NoTable
from voiceapp.runtime import runtime
from voiceapp.twiml import verbs

ANY_DID = "fallback.xml"
_README = "README.md"


@click.command("export-fallback")
@click.argument("folder", required=False, type=click.Path(path_type=Path, file_okay=False))
@with_appcontext
def export_fallback(folder: Path | None) -> None:
    """Write the safe destinations as TwiML files, to be hosted elsewhere.

    FOLDER is fallback/ in the instance folder unless you name another. Export again after each
    release that changes a safe destination.
    """
    parts = runtime()
    try:
        table = newest_table(parts.live, watch=False)
    except NoTable as error:
        raise click.ClickException(f"{error} Run: make setup") from error
    folder = folder or parts.settings.instance / "fallback"
    files = {**documents(table), _README: ""}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        others = sorted({path.name for path in folder.glob("*.xml")} - files.keys())
        files[_README] = _read_me(table, others)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{folder} can't be written: {error.strerror}.") from error
    click.echo(f"Written to {folder}: {', '.join(files)}")
    for name in others:
        click.echo(f"Not of release {table.number}, and maybe no longer right: {folder / name}")


def documents(table: Table) -> Mapping[str, str]:
    """Return the files: one for the installation, and one for each DID with its own safety."""
    own = {
        f"{number.removeprefix('+')}.xml": did.safe
        for number, did in table.dids.items()
        if did.safe
    }
    return {
        name: f"{verbs.standing_alone(to, table.voice)}\n"
        for name, to in {ANY_DID: table.safe, **own}.items()
    }


def _read_me(table: Table, others: Sequence[str]) -> str:
    own = [did for did in table.dids.values() if did.safe]
    rows = [f"| {ANY_DID} | all other numbers | {table.safe} |"]
    rows += [f"| {did.number.removeprefix('+')}.xml | {did.number} | {did.safe} |" for did in own]
    rows += [
        f"| {name} | of an earlier release | maybe no longer right: delete it |" for name in others
    ]
    return f"""# Where calls go when voiceapp is not there

The safe destinations of release {table.number}. Twilio reads these files when it can't reach
voiceapp at all: no process, no machine, no network.

| file | number | sends calls to |
|---|---|---|
{chr(10).join(rows)}

## How to host them

Somewhere that does not fail together with voiceapp:

- **TwiML Bins** at Twilio: make one for each file and paste its content. Nothing else is needed.
- **Any static web space** with https and a certificate that browsers trust. It has to serve the
  files as `text/xml` or `application/xml`, and to answer GET.

Then, in the Twilio console, open each number and set *Primary handler fails*: choose *TwiML Bin*
and its bin; or *Webhook*, the address of its file, and HTTP GET. Twilio takes it whenever *A call
comes in* fails, also while voiceapp is there and only slow. So this is for one machine; with two or
more voiceapp's own `/twiml/fallback` is the better one, which another machine serves.

## What they can't do

- Nobody is asked afterwards. A call that the queue does not take (it is full), or that nobody
  answers, ends there, without a last sentence.
- Where a number has its own safe destination, only its own file knows; the files don't look at
  which number was called.
- The journal has no line about these calls. Twilio's own log has.
- They stay as they are. Export again after each release that changes a safe destination.
"""
