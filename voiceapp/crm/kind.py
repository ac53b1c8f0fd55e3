"""What a kind of CRM is: how it is called, what it asks for, and how a client of it is made."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

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
LABELS_IN_RULES = {URL: "CRM URL", USERNAME: "CRM Username", PASSWORD: "CRM Password"}
"""What some fields are called in a rule that has a CRM of its own, whatever the CRM calls them."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Something a CRM has to be told: its name (above), label, and where to find it.

    With `choices` (value and label of each) it is one of them, the first unless another is told.
    `needed_with` is the name of something else, and the value of it with which this is required
    as well; a blank one stands for any.
    """

    name: str
    label: str
    help: str
    is_required: bool = True
    choices: tuple[tuple[str, str], ...] = ()
    needed_with: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why a CRM can never be asked: the name of what was told, and a sentence about it."""

    name: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Told:
    """What was typed or chosen: the address, the options, the names of secrets that are there."""

    url: str
    options: Mapping[str, str]
    secrets: Collection[str] = ()


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
            raise ValueError("A secret of this CRM is missing; type it where the CRM is set up.")
        return value

    def has_secret(self, name: str) -> bool:
        """Say whether a secret is there that may be left out."""
        return bool(self.secrets.get(secret_slot(name, self.options)))


def _no_more(told: Told) -> Iterable[Wrong]:
    """Find nothing wrong beyond what is the same for all kinds."""
    return ()


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
    `also` finds what else is wrong with what was told. `redeem` returns what is kept in the place
    of a one-time code that was typed as TOKEN, or what was typed if it is none. `signs_in` says
    how, `tried` against what it has been tried for real (blank: nothing yet). What an `is_live`
    one answers counts for nobody else: it is asked anew each time. `told` names what of the call
    its answer depends on at an address, as the fields of `CallFacts`. `by_phones` says that callers
    are found by the phone fields of the very module that is searched.
    """

    title: str
    build: Callable[[Connection, Surroundings], CrmClient]
    check: Callable[[str], None]
    also: Callable[[Told], Iterable[Wrong]] = _no_more
    asks: tuple[Ask, ...] = ()
    modules: Mapping[str, str] = field(default_factory=dict)
    header: bool = False
    site: str = ""
    redeem: Callable[[Connection, Door, Deadline], str] | None = None
    signs_in: str = ""
    tried: str = ""
    is_live: bool = False
    told: Callable[[str], tuple[str, ...]] = _nothing_of_the_call
    by_phones: bool = True

    def ask(self, name: str) -> Ask | None:
        """Return what is to be told under a name; None if nothing is."""
        return next((ask for ask in self.asks if ask.name == name), None)

    def asks_with(self, options: Mapping[str, str]) -> tuple[Ask, ...]:
        """Return what is to be told, each required or not as it is beside these options."""
        return tuple(
            replace(ask, is_required=ask.is_required or bool(self._need(ask, options)))
            for ask in self.asks
        )

    def wrong(self, told: Told) -> Mapping[str, str]:
        """Return sentences that say why it can never be asked, by the names of what was told."""
        wrong: dict[str, str] = {}
        for one in (*self._missing(told), *self._unfit(told), *self.also(told)):
            wrong.setdefault(one.name, one.sentence)
        return wrong

    def _missing(self, told: Told) -> Iterator[Wrong]:
        for ask in self.asks:
            need = self._need(ask, told.options)
            if ask.name == URL and not told.url and not ask.choices:
                yield Wrong(URL, "Type the address. It begins with https://.")
            elif ask.name in OPTIONS and not chosen(ask, told.options):
                if ask.is_required:
                    yield Wrong(ask.name, f"Type the {ask.label}.")
                elif need:
                    yield Wrong(ask.name, f"Type the {ask.label}, too: {need} needs it.")
            elif ask.name in told.secrets and ask.needed_with and not need:
                other = self.ask(ask.needed_with[0])
                if other is not None:
                    what = f"Type the {other.label}, too: the {ask.label} needs it."
                    yield Wrong(other.name, what)

    def _unfit(self, told: Told) -> Iterator[Wrong]:
        for ask in self.asks:
            value = told.url if ask.name == URL else told.options.get(ask.name)
            if ask.choices and value and value not in dict(ask.choices):
                yield Wrong(ask.name, f"Choose the {ask.label}.")
        try:
            self.check(told.url)
        except ValueError as error:
            yield Wrong(URL, str(error))

    def _need(self, ask: Ask, options: Mapping[str, str]) -> str:
        """Return what makes something required beside these options, in words; blank if nothing."""
        other = self.ask(ask.needed_with[0]) if ask.needed_with else None
        if other is None or ask.needed_with is None:
            return ""
        told, wanted = chosen(other, options), ask.needed_with[1]
        if not told or wanted not in ("", told):
            return ""
        shown = dict(other.choices).get(told, "")
        return f"{other.label} {shown}" if shown else f"the {other.label}"

    def slots(self, options: Mapping[str, str]) -> Mapping[str, str]:
        """Return the secrets that may be told, each with the name under which it is kept.

        That has the user or the header in it: the secret of the one is none of the other.
        """
        slots = {one: secret_slot(one, options) for one in SECRETS if self.ask(one)}
        header = options.get(HEADER_NAME, "") if self.header else ""
        return slots | ({HEADER_NAME: header_slot(header)} if header else {})


def chosen(ask: Ask, options: Mapping[str, str]) -> str:
    """Return what was told, or the first of the choices; blank for nothing."""
    return options.get(ask.name) or (ask.choices[0][0] if ask.choices else "")


def secret_slot(name: str, options: Mapping[str, str]) -> str:
    """Return the name under which a secret is kept of the user or account that the options name."""
    owners = (USERNAME, ACCOUNT) if name == TOKEN else (USERNAME,)
    told = " ".join(filter(None, (options.get(owner, "") for owner in owners)))
    return f"{name} of {told}"


def header_slot(name: str) -> str:
    """Return the name under which the value of a header is kept."""
    return f"header {name.lower()}"
