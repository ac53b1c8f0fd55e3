"""What a kind of CRM is: how it is called, what it asks for, and how a client of it is made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from voiceapp.crm.book import Book, MemoryBook
from voiceapp.crm.bounded import Bounded
from voiceapp.crm.contract import CrmClient
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.directory import Find
from voiceapp.crm.door import Door
from voiceapp.crm.tokens import Tokens

USERNAME, PASSWORD, URL = "username", "password", "url"
TOKEN = "token"  # noqa: S105  # the name of a field, and no secret
"""A second secret, beside the password: a refresh token, say."""
ACCOUNT = "account"
"""A third text: a tenant, a database, a platform."""
VERSION = "interface"
"""Which of several interfaces the CRM has."""
HEADER_NAME = "header_name"
SECRETS = (PASSWORD, TOKEN)
OPTIONS = (USERNAME, ACCOUNT, VERSION)


@dataclass(frozen=True, slots=True)
class Ask:
    """Something a CRM has to be told: its name (above), label, and where to find it.

    With `choices` (value and label of each) it is one of them, the first at the start.
    """

    name: str
    label: str
    help: str
    is_required: bool = True
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a CRM is and how to sign in; `options` and `secrets` by the names its kind gives."""

    kind: str
    url: str
    options: Mapping[str, str]
    secrets: Mapping[str, str]
    country: str
    key: str = ""

    def __repr__(self) -> str:
        return f"Connection({self.kind!r})"

    def option(self, name: str) -> str:
        """Return what was typed or chosen; blank for nothing."""
        return self.options.get(name, "")

    def secret(self, name: str) -> str:
        """Return a secret. Raises ValueError, with a sentence, if it is missing."""
        value = self.secrets.get(secret_slot(name, self.options), "")
        if not value:
            raise ValueError("A secret of this CRM is missing; type it under Integrations.")
        return value

    def has_secret(self, name: str) -> bool:
        """Say whether a secret is there that may be left out."""
        return bool(self.secrets.get(secret_slot(name, self.options)))


def _own_tokens(connection: Connection) -> Tokens:
    return Tokens()


def _own_book(connection: Connection) -> Book:
    return MemoryBook()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What clients share: the door to the network, the directory's store, threads that may hang.

    `tokens` and `book` hold what is known of a connection beyond one process.
    """

    door: Door
    find: Find
    bounded: Bounded
    tokens: Callable[[Connection], Tokens] = _own_tokens
    book: Callable[[Connection], Book] = _own_book


def _nothing_of_the_call(url: str) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of CRM.

    `asks` is what it has to be told, in the order to ask. `modules` are those it has, each with
    what that is in the CRM's own words; none means that it knows no modules. `header` says
    whether it takes a header of the admin's choice. `check` raises ValueError, with a sentence,
    for an address that can never be asked; `site` is the address of one that has no other.
    `redeem` returns what is kept in the place of a one-time code that was typed as TOKEN, or what
    was typed if it is none. `signs_in` says how, `tried` against what it has been tried for real
    (blank: nothing yet). What an `is_live` one answers counts for nobody else: it is asked anew
    each time. `told` names what of the call its answer depends on at an address, as the fields of
    `CallFacts`.
    """

    title: str
    build: Callable[[Connection, Surroundings], CrmClient]
    check: Callable[[str], None]
    asks: tuple[Ask, ...] = ()
    modules: Mapping[str, str] = field(default_factory=dict)
    header: bool = False
    site: str = ""
    redeem: Callable[[Connection, Door, Deadline], str] | None = None
    signs_in: str = ""
    tried: str = ""
    is_live: bool = False
    told: Callable[[str], tuple[str, ...]] = _nothing_of_the_call

    def ask(self, name: str) -> Ask | None:
        """Return what is to be told under a name; None if nothing is."""
        return next((ask for ask in self.asks if ask.name == name), None)

    def slots(self, options: Mapping[str, str]) -> Mapping[str, str]:
        """Return the secrets that may be told, each with the name under which it is kept.

        That has the user or the header in it: the secret of the one is none of the other.
        """
        slots = {one: secret_slot(one, options) for one in SECRETS if self.ask(one)}
        header = options.get(HEADER_NAME, "") if self.header else ""
        return slots | ({HEADER_NAME: header_slot(header)} if header else {})


def secret_slot(name: str, options: Mapping[str, str]) -> str:
    """Return the name under which a secret is kept of the user or account that the options name."""
    owners = (USERNAME, ACCOUNT) if name == TOKEN else (USERNAME,)
    told = " ".join(filter(None, (options.get(owner, "") for owner in owners)))
    return f"{name} of {told}"


def header_slot(name: str) -> str:
    """Return the name under which the value of a header is kept."""
    return f"header {name.lower()}"
