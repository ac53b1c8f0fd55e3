"""Odoo itself, from Debian's package, with a Python environment of its own."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tests.live.obtaining import (
    CACHE,
    debian_packages,
    made_once,
    only_one_at_a_time,
    unpack,
    virtual_environment,
)

SERIES = "19"

ASKED_FOR = ("base", "web", "rpc", "api_doc", "contacts", "crm")
"""The modules that a database has; those that they need come along."""

_MODULES = frozenset(ASKED_FOR) | {
    *("auth_signup", "base_setup", "bus", "calendar", "digest", "html_editor", "http_routing"),
    *("mail", "phone_validation", "portal", "resource", "sales_team", "utm", "web_tour"),
    "iap",  # is not installed, but html_editor imports it
}
_PACKAGE = f"odoo-{SERIES}"
_ALSO = "libjs-jquery"  # Debian's Odoo links there, and without it no page is shown
_SUITE = "unstable"  # the only one of Debian's that has it
_CODE = PurePosixPath("usr/lib/python3/dist-packages")
_REQUIREMENTS = Path(__file__).with_name("odoo-requirements.txt")
_MOST_SECONDS = 600  # for one command


@dataclass(frozen=True, slots=True)
class OdooProgram:
    """Odoo's code and the Python that runs it; `version` is that of the Debian package."""

    python: Path
    code: Path
    version: str

    def command(self, *arguments: str) -> list[str]:
        """Return the command line for one of Odoo's commands."""
        return [str(self.python), "-W", "ignore", "-m", "odoo", *arguments]

    def run(self, *arguments: str, given: str = "") -> str:
        """Run one of Odoo's commands to its end, and return what it printed."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.code,
            input=given,
            capture_output=True,
            text=True,
            timeout=_MOST_SECONDS,
        )
        if done.returncode:
            raise RuntimeError(f"odoo {arguments[0]} failed:\n{done.stderr[-4000:]}")
        return done.stdout


def odoo_program() -> OdooProgram:
    """Return Odoo, obtained if it isn't there yet. Raises NotObtainable."""
    folder = CACHE / _PACKAGE
    with only_one_at_a_time(folder):
        code = made_once(folder / "code", " ".join(sorted(_MODULES)), _unpack_code)
        key = f"{sys.version}\n{sys.base_prefix}\n{_REQUIREMENTS.read_text()}"
        environment = made_once(
            folder / "python", key, lambda made: virtual_environment(made, _REQUIREMENTS)
        )
    version = (code / "version").read_text()
    return OdooProgram(environment / "bin" / "python", code / _CODE, version)


def _unpack_code(folder: Path) -> None:
    odoo, also = debian_packages((_PACKAGE, _ALSO), _SUITE, folder)
    unpack(odoo, folder, _is_wanted)
    unpack(also, folder, lambda path: path.is_relative_to("usr/share/javascript"))
    (folder / "version").write_text(odoo.name.split("_")[1])
    for package in (odoo, also):
        package.unlink()


def _is_wanted(path: PurePosixPath) -> bool:
    """Leave out what is not Odoo, modules that nobody asks for, and their tests and translations.

    The manifests of all modules are needed: they make the categories that some data refers to.
    """
    if not path.is_relative_to(_CODE / "odoo"):
        return False
    match path.relative_to(_CODE / "odoo").parts:
        case ("addons", _, "__manifest__.py"):
            return True
        case ("addons", module, *parts):
            return module in _MODULES and "tests" not in parts and path.suffix != ".po"
        case _:
            return True
