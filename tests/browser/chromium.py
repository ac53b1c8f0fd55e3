"""Finds the machine's own browser, and installs it where that is easy; none is ever downloaded."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
ADVICE = "Browser tests need Chromium: apt-get install chromium, or set CHROMIUM=/path/to/it"

_INSTALL = (
    ("update", "-qq"),
    ("install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-dejavu-core"),
)


class NoChromium(Exception):
    """There is no browser; the message says what to do about it, in one line."""


def is_root() -> bool:
    """Say whether this process may install programs."""
    return os.geteuid() == 0


def find_chromium(environ: Mapping[str, str], *, may_install: bool) -> str:
    """Return the path of the browser: `$CHROMIUM`, else that on the PATH, else one now installed.

    Raises NoChromium.
    """
    if chosen := environ.get("CHROMIUM"):
        return _chosen(chosen, environ)
    if found := _on_path(environ):
        return found
    if may_install and (apt := _program("apt-get", environ)):
        _install(apt, environ)
    if found := _on_path(environ):
        return found
    raise NoChromium(ADVICE)


def _chosen(program: str, environ: Mapping[str, str]) -> str:
    if found := _program(program, environ):
        return found
    raise NoChromium(f"CHROMIUM={program} is no program. Set it to the path of Chromium.")


def _on_path(environ: Mapping[str, str]) -> str | None:
    return next(filter(None, (_program(name, environ) for name in NAMES)), None)


def _program(name: str, environ: Mapping[str, str]) -> str | None:
    return shutil.which(name, path=environ.get("PATH", os.defpath))


def _install(apt: str, environ: Mapping[str, str]) -> None:
    """Install the browser, unless another run of the tests has done so meanwhile."""
    quietly = {**environ, "DEBIAN_FRONTEND": "noninteractive"}
    with (Path(tempfile.gettempdir()) / "voiceapp-chromium.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _on_path(environ):
            return
        for arguments in _INSTALL:
            done = subprocess.run([apt, *arguments], env=quietly, capture_output=True, check=False)
            if done.returncode != 0:
                raise NoChromium(ADVICE)
