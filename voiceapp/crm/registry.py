"""The kinds of CRM there are, and how each is made from its settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from voiceapp.crm.bounded import Bounded
from voiceapp.crm.contract import CrmClient
from voiceapp.crm.custom import CustomUrlClient, SecretHeader, refuse_what_cannot_be_asked
from voiceapp.crm.directory import DirectoryClient, Find
from voiceapp.crm.http import HttpDoor


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a CRM is and how to sign in; `options` and `secrets` by the names its kind gives."""

    kind: str
    url: str
    options: Mapping[str, str]
    secrets: Mapping[str, str]
    country: str

    def __repr__(self) -> str:
        return f"Connection({self.kind!r})"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What clients share: the door to the network, the directory's store, threads that may hang."""

    door: HttpDoor
    find: Find
    bounded: Bounded


DIRECTORY = "directory"
CUSTOM_URL = "custom"
HEADER_NAME = "header_name"
HEADER_VALUE = "header_value"


def _directory(connection: Connection, around: Surroundings) -> CrmClient:
    return DirectoryClient(around.find, connection.country, around.bounded)


def _custom(connection: Connection, around: Surroundings) -> CrmClient:
    name = connection.options.get(HEADER_NAME, "")
    value = connection.secrets.get(HEADER_VALUE, "")
    header = SecretHeader(name, value) if name else None
    return CustomUrlClient(around.door, connection.url, header)


BUILDERS: dict[str, Callable[[Connection, Surroundings], CrmClient]] = {
    DIRECTORY: _directory,
    CUSTOM_URL: _custom,
}


CHECKS: dict[str, Callable[[str], None]] = {
    DIRECTORY: lambda url: None,
    CUSTOM_URL: refuse_what_cannot_be_asked,
}


def fault_of(kind: str, url: str) -> str:
    """Return what keeps a CRM from ever being asked, as a sentence; blank if nothing does."""
    if kind not in CHECKS:
        return f"There is no CRM of the kind {kind}."
    try:
        CHECKS[kind](url)
    except ValueError as error:
        return str(error)
    return ""


def build_client(connection: Connection, around: Surroundings) -> CrmClient:
    """Return the client for a connection.

    Raises ValueError, with a sentence, for a kind that does not exist or settings it can't use.
    """
    if connection.kind not in BUILDERS:
        raise ValueError(f"There is no CRM of the kind {connection.kind}.")
    return BUILDERS[connection.kind](connection, around)
