"""Fills an Odoo with records for tests, through its own interface."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.live.odoo_api import OdooApi

Values = Mapping[str, Any]
"""A record's values as Odoo takes them, and `country`, which is a code instead of an id."""

CUSTOMER_NUMBER = "x_customer_number"
"""A field of our own, on contacts and leads: what callers key in."""


@dataclass(frozen=True, slots=True)
class Seeded:
    """The ids of the records that were created, in the order in which they were given."""

    people: list[int]
    companies: list[int]
    leads: list[int]
    opportunities: list[int]


def seed(
    api: OdooApi,
    *,
    people: Sequence[Values] = (),
    companies: Sequence[Values] = (),
    leads: Sequence[Values] = (),
    opportunities: Sequence[Values] = (),
) -> Seeded:
    """Create contacts, companies, leads and opportunities. Raises OdooRefused."""
    return Seeded(
        people=_create(api, "res.partner", people, is_company=False),
        companies=_create(api, "res.partner", companies, is_company=True),
        leads=_create(api, "crm.lead", leads, type="lead"),
        opportunities=_create(api, "crm.lead", opportunities, type="opportunity"),
    )


def add_field(api: OdooApi, model: str, name: str, label: str, kind: str = "char") -> None:
    """Add a field of our own to a model, as Odoo's administrators do; names begin with x_."""
    (model_id,) = (found["id"] for found in api.search("ir.model", [["model", "=", model]]))
    field = {"model_id": model_id, "name": name, "field_description": label, "ttype": kind}
    api.create("ir.model.fields", {**field, "state": "manual"})


def country_id(api: OdooApi, code: str) -> int:
    """Return the id that a country has by its two letters."""
    (found,) = api.search("res.country", [["code", "=", code]], fields=["code"])
    identity: int = found["id"]
    return identity


def set_home_country(api: OdooApi, code: str | None) -> None:
    """Say where Odoo's own company is: numbers without a country code are read as from there."""
    home = country_id(api, code) if code else False
    (company,) = api.search("res.company", [], fields=["name"], limit=1)
    api.call("res.company", "write", ids=[company["id"]], vals={"country_id": home})


def seed_examples(api: OdooApi) -> Seeded:
    """Create one of each, for somebody who looks around."""
    set_home_country(api, "US")
    for model in ("res.partner", "crm.lead"):
        add_field(api, model, CUSTOMER_NUMBER, "Customer Number")
    return seed(
        api,
        people=[
            {"name": "Ada Bell", "phone": "(202) 555-0104", "country": "US", "ref": "Gold"},
            {"name": "Cy Dunn", "phone": "+44 20 7946 0021", CUSTOMER_NUMBER: "1001"},
            {"name": "Eve Frost", "phone": "202.555.0142"},
            {"name": "Gus Hale", "phone": "+1 202-555-0142"},  # the same number again
        ],
        companies=[{"name": "Ibis & Co", "phone": "+12025550175", "country": "US"}],
        leads=[{"name": "Asked for a price", "contact_name": "Jo Kay", "phone": "12025550181"}],
        opportunities=[
            {"name": "Ten routers", "phone": "020 7946 0033", "country": "GB", "priority": "2"},
        ],
    )


def _create(api: OdooApi, model: str, records: Sequence[Values], **kind: Any) -> list[int]:
    return api.create(model, *(_as_odoo_takes_them(api, {**kind, **one}) for one in records))


def _as_odoo_takes_them(api: OdooApi, values: Values) -> Values:
    taken = dict(values)
    if code := taken.pop("country", None):
        taken["country_id"] = country_id(api, code)
    return taken
