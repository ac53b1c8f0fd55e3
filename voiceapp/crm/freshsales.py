"""Freshsales: asked by filtered searches over the interface of Freshworks' CRM.

A filter has no "or" between fields, so every phone field takes a search of its own, with all
spellings of the number in it. What a search leaves out of a record is read once more.

Sources: developers.freshworks.com/crm/api (Search, Lookup, Fields, Selectors); open-source clients
in use, for what the documents leave open.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from voiceapp.crm.address import only_at
from voiceapp.crm.answers import bad, by_status, name, rows, text, unknown
from voiceapp.crm.api import LARGEST_DESCRIPTION, Api, KeySignIn
from voiceapp.crm.book import Book
from voiceapp.crm.contract import (
    Answer,
    Caller,
    CallFacts,
    CrmBadAnswer,
    CrmClient,
    CrmCredentialsRefused,
    CrmError,
    CrmMisconfigured,
    CrmRefused,
    FieldValue,
    KeyedDigits,
    Search,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.door import HttpAnswer
from voiceapp.crm.fields import Field, by_name
from voiceapp.crm.freshsales_fields import TITLE, described, has_field, value_of
from voiceapp.crm.freshsales_search import (
    CLASSIC_MODULES,
    MODULES,
    MOST_REQUESTS,
    STAGE,
    Module,
    Row,
    each_once,
    filters,
    lead_stages,
    looks_up_number,
    numbers_of,
    records,
    refuse_unknown,
    sort,
)
from voiceapp.crm.kind import PASSWORD, URL, Ask, Connection, Kind, Surroundings
from voiceapp.crm.match import Candidate, is_number, settle

_SUITE, _CLASSIC = ".myfreshworks.com", ".freshsales.io"


class FreshsalesClient:
    """Asks one account of Freshsales; `modules` are those it has."""

    def __init__(self, api: Api, book: Book, country: str, modules: Mapping[str, Module]) -> None:
        self._api = api
        self._book = book
        self._country = country
        self._modules = modules

    def find(self, search: Search, call: CallFacts, deadline: Deadline) -> Answer:
        """Return the record that has the caller's number in one of its phone fields."""
        module = self._module(search.module)
        known = by_name(self._book.fields(search.module, self.fields, deadline))
        needed = [name(TITLE, one) for one in search.needed()]
        numbers = numbers_of(module, known) if isinstance(search.who, Caller) else ()
        found = self._found(search, module, known, deadline)
        if len(found) == 1 and len(numbers) < MOST_REQUESTS:
            found = [self._whole(found[0], module, (*needed, *numbers), deadline)]
        refuse_unknown(needed, known, found)
        candidates = [
            Candidate(
                phones=[value_of(row, None, one) for one in numbers],
                fields={one: value_of(row, known.get(one), one) for one in needed},
                created=row.get("created_at"),
            )
            for row in found
        ]
        return settle(search, candidates, self._country)

    def sign_in(self, deadline: Deadline) -> None:
        """Need nothing: a key does not end."""

    def modules(self, deadline: Deadline) -> Sequence[str]:
        """Return the modules; leads only where contacts have a stage for them."""
        known = by_name(self.fields("Leads", deadline))
        if self._modules["Leads"].are_leads:
            try:
                lead_stages(known)
            except CrmMisconfigured:
                return [one for one in self._modules if one != "Leads"]
        return list(self._modules)

    def fields(self, module: str, deadline: Deadline) -> Sequence[Field]:
        """Return the fields of a module, with the words for what records hold as numbers."""
        asked = self._module(module)
        payload = self._api.describe(f"/settings/{asked.all}/fields", deadline)
        told = rows(TITLE, payload, "fields")
        if asked.are_leads and all(row.get("name") != STAGE for row in told):
            told = [*told, {"name": STAGE, "label": "Lifecycle stage", "type": "dropdown"}]

        def select(selector: str) -> FieldValue:
            return self._selector(selector, deadline)

        return tuple(described(row, select) for row in told if text(row.get("name")))

    def _module(self, module: str) -> Module:
        if module not in self._modules:
            raise unknown(TITLE, module)
        return self._modules[module]

    def _selector(self, selector: str, deadline: Deadline) -> FieldValue:
        """Return what can be chosen; None where these credentials may not see it."""
        try:
            return self._api.describe(f"/selector/{selector}", deadline)
        except CrmCredentialsRefused:
            raise
        except (CrmRefused, CrmBadAnswer):
            return None

    def _found(
        self, search: Search, module: Module, known: Mapping[str, Field], deadline: Deadline
    ) -> Sequence[Row]:
        """Return the records that come near, each once."""
        if isinstance(search.who, KeyedDigits) and looks_up_number(search, known):
            return self._looked_up(search.who, module, known, deadline)
        near: list[Row] = []
        for rules in filters(search, module, known, self._country):
            payload = self._api.send(
                "POST",
                f"/filtered_search/{module.one}",
                deadline,
                params={"page": "1", "per_page": str(search.limit)},
                json={"filter_rule": rules, "detail": True, **sort(search.order)},
                repeatable=True,
                max_body=LARGEST_DESCRIPTION,  # whole records: no fields can be chosen
            )
            near += records(payload, module.all)
        return each_once(near)

    def _looked_up(
        self, who: KeyedDigits, module: Module, known: Mapping[str, Field], deadline: Deadline
    ) -> Sequence[Row]:
        """Return the records with a number in a field, which a lookup knows to compare."""
        stages = lead_stages(known) if module.are_leads else None
        if not is_number(who.digits):
            return ()
        params = {"q": who.digits, "f": who.field, "entities": module.one}
        near = records(self._api.get("/lookup", deadline, params), module.all, module.all)
        return [row for row in near if stages is None or text(row.get(STAGE)) in stages]

    def _whole(self, row: Row, module: Module, needed: Sequence[str], deadline: Deadline) -> Row:
        """Return a record with all that is needed, read for itself if a search left some out."""
        id_ = text(row.get("id"))
        if not id_.isdecimal() or all(has_field(row, one) for one in needed):
            return row
        payload = self._api.get(f"/{module.all}/{id_}", deadline)
        whole = payload.get(module.one) if isinstance(payload, Mapping) else None
        if not isinstance(whole, Mapping):
            raise bad(TITLE)
        return {**row, **whole}


def _fault(answer: HttpAnswer, payload: FieldValue) -> CrmError | None:
    """Read the code of an error where the status hides it."""
    errors = payload.get("errors") if isinstance(payload, Mapping) else None
    code = text(errors.get("code")) if isinstance(errors, Mapping) else ""
    if answer.status < 300 and code.isdecimal():
        return by_status(TITLE, replace(answer, status=int(code)))
    return None


def _build(connection: Connection, around: Surroundings) -> CrmClient:
    site = urlsplit(connection.url)  # what was copied may end in /crm/sales, or in /api as well
    is_classic = (site.hostname or "").endswith(_CLASSIC)
    base = f"https://{site.netloc}" + ("/api" if is_classic else "/crm/sales/api")
    key = KeySignIn({"Authorization": f"Token token={connection.secret(PASSWORD)}"})
    api = Api(TITLE, around.door, base, key, _fault)
    modules = CLASSIC_MODULES if is_classic else MODULES
    return FreshsalesClient(api, around.book(connection), connection.country, modules)


KIND = Kind(
    title=TITLE,
    build=_build,
    check=only_at(_SUITE, _CLASSIC),
    asks=(
        Ask(
            URL,
            "Bundle alias",
            "In Freshsales: your picture › Settings › API Settings, e.g. "
            "https://acme.myfreshworks.com/crm/sales. Older accounts: https://acme.freshsales.io.",
        ),
        Ask(
            PASSWORD,
            "API key",
            "Beside the alias. What the user it belongs to may not see is not found.",
        ),
    ),
    modules={
        "Contacts": "contact, by mobile or work number",
        "Leads": "contact whose lifecycle stage is called a lead; in older accounts, lead",
        "Accounts": "account, by its phone",
        "Deals": "deal, by what is keyed in",
    },
    signs_in="API key of a user",
)
