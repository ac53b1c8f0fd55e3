"""A CRM's web interface: requests signed and sent, once more where access has to be renewed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from voiceapp.crm.answers import Fault, no_fault, read
from voiceapp.crm.contract import CrmCredentialsRefused, FieldValue
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.door import Door
from voiceapp.crm.tokens import Fetch, Token, Tokens

LARGEST_DESCRIPTION = 8 * 1024 * 1024
"""Bytes that the description of a module may have: hundreds of fields with their lists."""


@dataclass(frozen=True, slots=True)
class Access:
    """What has to go with a request: headers, parameters, and the base address if it varies."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    base: str = ""


class SignIn(Protocol):
    """A way to be let in."""

    def access(self, deadline: Deadline) -> Access:
        """Return what goes with a request. Raises `CrmError`."""
        ...

    def again(self, refused: Access, deadline: Deadline) -> Access | None:
        """Return another access in the place of a refused one; None if there is no other."""
        ...

    def ahead(self, deadline: Deadline) -> None:
        """See that access will be there for some time. Raises `CrmError`."""
        ...


@dataclass(frozen=True, slots=True)
class KeySignIn:
    """The same key with every request."""

    headers: Mapping[str, str] = field(repr=False)

    def access(self, deadline: Deadline) -> Access:
        """Return the headers."""
        return Access(self.headers)

    def again(self, refused: Access, deadline: Deadline) -> None:
        """Know no other."""

    def ahead(self, deadline: Deadline) -> None:
        """Need nothing."""


@dataclass(frozen=True, slots=True)
class TokenSignIn:
    """A token that is fetched, and renewed when it ends; `use` says how it goes with a request."""

    tokens: Tokens
    fetch: Fetch
    use: Callable[[Token], Access]

    def access(self, deadline: Deadline) -> Access:
        """Return how to use the present token."""
        return self.use(self.tokens.current(self.fetch, deadline))

    def again(self, refused: Access, deadline: Deadline) -> Access:
        """Return how to use the next token, unless it is there already."""
        token = self.tokens.current(self.fetch, deadline)
        if self.use(token) == refused:
            token = self.tokens.renewed(token, self.fetch, deadline)
        return self.use(token)

    def ahead(self, deadline: Deadline) -> None:
        """Fetch a token now if the end of the one there is comes near."""
        self.tokens.kept_young(self.fetch, deadline)


class Api:
    """Asks one CRM, whose name is `title` in what it says of faults.

    `base` is the address that paths are put behind, unless the access names another.
    """

    def __init__(
        self, title: str, door: Door, base: str, sign_in: SignIn, fault: Fault = no_fault
    ) -> None:
        self._title = title
        self._door = door
        self._base = base
        self._sign_in = sign_in
        self._fault = fault

    def get(
        self, path: str, deadline: Deadline, params: Mapping[str, str] | None = None
    ) -> FieldValue:
        """Return what GET answers; None for an empty body. Raises `CrmError`."""
        return self.send("GET", path, deadline, params=params)

    def describe(
        self, path: str, deadline: Deadline, params: Mapping[str, str] | None = None
    ) -> FieldValue:
        """Return what GET answers about modules or fields, which may be large."""
        return self.send("GET", path, deadline, params=params, max_body=LARGEST_DESCRIPTION)

    def search(self, path: str, deadline: Deadline, json: Any) -> FieldValue:
        """Return what a search by POST answers, which may be sent twice. Raises `CrmError`."""
        return self.send("POST", path, deadline, json=json, repeatable=True)

    def send(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        **rest: Any,
    ) -> FieldValue:
        """Return what one request answers; where access is refused, another is tried once.

        Raises `CrmError`.
        """

        def attempt(access: Access) -> FieldValue:
            answer = self._door.request(
                method,
                (access.base or self._base) + path,
                deadline=deadline,
                params={**(params or {}), **access.params} or None,
                headers={**(headers or {}), **access.headers},
                **rest,
            )
            return read(self._title, answer, self._fault)

        access = self._sign_in.access(deadline)
        try:
            return attempt(access)
        except CrmCredentialsRefused:
            another = self._sign_in.again(access, deadline)
            if another is None:
                raise
        return attempt(another)

    def sign_in(self, deadline: Deadline) -> None:
        """See that access will be there for some time. Raises `CrmError`."""
        self._sign_in.ahead(deadline)
