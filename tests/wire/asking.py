"""A client of a stand-in, made from what an admin types, and asked in short words."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from tests.wire.standin import StandIn
from voiceapp.crm.book import Book, MemoryBook
from voiceapp.crm.bounded import Bounded
from voiceapp.crm.contract import Answer, Caller, CallFacts, KeyedDigits, Order, Search
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.http import HttpDoor
from voiceapp.crm.kind import Connection, Surroundings, secret_slot
from voiceapp.crm.registry import KINDS, build_client
from voiceapp.crm.tokens import NoStore, Tokens, TokenStore

PLENTY = 20.0
"""Seconds, for tests that are not about time."""


class AgingTokens(Tokens):
    """Tokens whose clock can be put forward."""

    def __init__(self, store: TokenStore) -> None:
        self.ahead = 0.0
        super().__init__(store, clock=lambda: time.time() + self.ahead)

    def age(self, seconds: float) -> None:
        self.ahead += seconds


class Asking:
    """Asks one stand-in: `asking.caller("+12025550101", "Tier")`."""

    def __init__(self, crm: StandIn, door: HttpDoor, country: str = "US") -> None:
        self.crm = crm
        self.door = door
        self.country = country
        self.connect()

    def connect(
        self,
        *,
        store: TokenStore | None = None,
        url: str = "",
        options: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        book: Callable[[Connection], Book] = lambda connection: MemoryBook(),
    ) -> None:
        """Make the client anew, with what is typed otherwise, as one more process of a store."""
        kept = {**self.crm.options, **(options or {})}
        told = {**self.crm.secrets, **(secrets or {})}
        KINDS[self.crm.kind].check(url or self.crm.url)
        connection = Connection(
            self.crm.kind,
            url or self.crm.url,
            kept,
            {secret_slot(name, kept): value for name, value in told.items() if value},
            self.country,
        )
        self.tokens = AgingTokens(store or NoStore())
        around = Surroundings(
            self.door, lambda *_: (), Bounded(), lambda connection: self.tokens, book
        )
        self.client = build_client(connection, around)

    def caller(
        self,
        number: str,
        *fields: str,
        module: str = "Contacts",
        order: Order | None = None,
        seconds: float = PLENTY,
    ) -> Answer:
        """Look for the record that has a number."""
        return self._find(Search(Caller(number), module, fields, order), seconds)

    def digits(self, digits: str, field: str, *fields: str, module: str = "Contacts") -> Answer:
        """Look for the record that has the digits in a field."""
        return self._find(Search(KeyedDigits(digits, field), module, fields), PLENTY)

    def fields(self, module: str = "Contacts") -> dict[str, Any]:
        """Return the fields of a module by their names."""
        return {one.name: one for one in self.client.fields(module, Deadline.after(PLENTY))}

    def modules(self) -> list[str]:
        return list(self.client.modules(Deadline.after(PLENTY)))

    def sign_in(self) -> None:
        self.client.sign_in(Deadline.after(PLENTY))

    def _find(self, search: Search, seconds: float) -> Answer:
        return self.client.find(search, CallFacts(), Deadline.after(seconds))
