"""A real Odoo server for tests, behind TLS; `python -m tests.live.odoo_server` starts one by hand.

The first start obtains Odoo and installs its CRM in a database, later ones only restore that.
"""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import requests
import trustme

from tests.live.odoo_api import OdooApi
from tests.live.odoo_database import Account, OdooDatabase, odoo_database
from tests.live.odoo_program import OdooProgram, odoo_program
from tests.live.odoo_records import seed_examples
from tests.server.tls_proxy import tls_proxy

_START_SECONDS = 90
_STOP_SECONDS = 10


@dataclass(frozen=True, slots=True)
class OdooServer:
    """A running server: `url` is https, accepted by those who trust `authority`; `plain` is http.

    `accounts` are by login: admin, seller (sees all leads), own-seller (sees only own ones) and
    clerk (sees contacts, but no leads).
    """

    url: str
    plain: str
    authority: Path
    database: str
    accounts: Mapping[str, Account]
    log: Path


@contextmanager
def odoo_server() -> Iterator[OdooServer]:
    """Yield a server with an empty CRM, and leave nothing running. Raises NotObtainable."""
    program = odoo_program()
    with odoo_database(program) as database:
        folder = database.settings.parent
        with _serving(program, database, folder / "odoo.log") as port:
            certificates = trustme.CA()
            certificates.cert_pem.write_to_path(folder / "authority.pem")
            with tls_proxy(certificates.issue_cert("localhost", "127.0.0.1")) as proxy:
                proxy.upstream = port
                yield OdooServer(
                    url=proxy.base,
                    plain=f"http://127.0.0.1:{port}",
                    authority=folder / "authority.pem",
                    database=database.name,
                    accounts=database.accounts,
                    log=folder / "odoo.log",
                )


@contextmanager
def _serving(program: OdooProgram, database: OdooDatabase, log: Path) -> Iterator[int]:
    port = _free_port()
    command = program.command("server", "--config", str(database.settings), "--http-port")
    with log.open("w") as writing:
        server = subprocess.Popen(
            [*command, str(port)],
            cwd=program.code,
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us, who then end it in order
        )
    try:
        _wait_until_it_answers(server, port, log)
        yield port
    finally:
        server.terminate()
        try:
            server.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_until_it_answers(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while server.poll() is None and time.monotonic() < until:
        try:
            if requests.get(f"http://127.0.0.1:{port}/web/health", timeout=_START_SECONDS).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise RuntimeError(f"Odoo does not answer. Its log ends so:\n{log.read_text()[-4000:]}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def main() -> None:
    """Start a server, say how to use it, and keep it until Ctrl-C or SIGTERM."""
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: sys.exit())  # in order, wherever it is
    click.echo("Odoo starts. The first time takes a minute or two.")
    with odoo_server() as server:
        admin = server.accounts["admin"]
        seed_examples(OdooApi(server.plain, server.database, admin.api_key))
        click.echo(f"For the browser   {server.plain}/odoo")
        click.echo(f"For voiceapp      {server.url}")
        click.echo(
            f"  with            CRM_ALLOWED_HOSTS=localhost CRM_CA_BUNDLE={server.authority}"
        )
        click.echo(f"Database          {server.database}")
        for account in server.accounts.values():
            click.echo(f"Login             {account.login}")
            click.echo(f"  password        {account.password}")
            click.echo(f"  API key         {account.api_key}")
        click.echo(f"Log               {server.log}")
        click.echo("Ctrl-C ends it, and forgets what was changed.")
        signal.pause()


if __name__ == "__main__":
    main()
