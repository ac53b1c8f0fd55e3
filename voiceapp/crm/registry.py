"""The kinds of CRM there are: what each is called, what it asks for, and how it is made."""

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
USERNAME = "username"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of CRM, and what stands in its fields.

    `modules` are those it has; none means that it knows no modules. `username`, `password` and
    `url` say what is to be typed there, as a help line; a blank one is not asked for. `header`
    says whether it takes a header of the admin's choice. `check` raises ValueError, with a
    sentence, for an address that can never be asked.
    """

    title: str
    build: Callable[[Connection, Surroundings], CrmClient]
    check: Callable[[str], None]
    modules: tuple[str, ...] = ()
    username: str = ""
    password: str = ""
    url: str = ""
    header: bool = False

    def slot(self, options: Mapping[str, str]) -> str:
        """Return the name of the secret that is needed with some options; blank if none is.

        It has the user or the header in it: the secret of the one is none of the other.
        """
        if self.password:
            return password_slot(options)
        name = options.get(HEADER_NAME, "") if self.header else ""
        return header_slot(name) if name else ""


def password_slot(options: Mapping[str, str]) -> str:
    """Return the name under which the password is kept of the user that the options name."""
    return f"password of {options.get(USERNAME, '')}"


def header_slot(name: str) -> str:
    """Return the name under which the value of a header is kept."""
    return f"header {name.lower()}"


def _directory(connection: Connection, around: Surroundings) -> CrmClient:
    return DirectoryClient(around.find, connection.country, around.bounded)


def _custom(connection: Connection, around: Surroundings) -> CrmClient:
    name = connection.options.get(HEADER_NAME, "")
    value = connection.secrets.get(header_slot(name), "")
    header = SecretHeader(name, value) if name else None
    return CustomUrlClient(around.door, connection.url, header)


KINDS: dict[str, Kind] = {
    DIRECTORY: Kind(
        title="Directory",
        build=_directory,
        check=lambda url: None,
        modules=("Contacts", "Leads", "Accounts"),
    ),
    CUSTOM_URL: Kind(
        title="Custom URL",
        build=_custom,
        check=refuse_what_cannot_be_asked,
        url=(
            "Asked by GET over https; it answers with a JSON object. {caller}, {called}, "
            "{call_id}, {field} and {digits} are filled in, or added when there are none."
        ),
        header=True,
    ),
}


def fault_of(kind: str, url: str) -> str:
    """Return what keeps a CRM from ever being asked, as a sentence; blank if nothing does."""
    if kind not in KINDS:
        return f"There is no CRM of the kind {kind}."
    try:
        KINDS[kind].check(url)
    except ValueError as error:
        return str(error)
    return ""


def build_client(connection: Connection, around: Surroundings) -> CrmClient:
    """Return the client for a connection.

    Raises ValueError, with a sentence, for a kind that does not exist or settings it can't use.
    """
    if connection.kind not in KINDS:
        raise ValueError(f"There is no CRM of the kind {connection.kind}.")
    return KINDS[connection.kind].build(connection, around)
