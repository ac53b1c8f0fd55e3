"""The kinds of CRM there are."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from voiceapp.crm import (
    bullhorn,
    dynamics,
    espocrm,
    freshsales,
    hubspot,
    odoo,
    pipedrive,
    salesforce,
    sugarcrm,
    suitecrm,
    vtiger,
    zendesk,
    zoho,
)
from voiceapp.crm.contract import CrmClient
from voiceapp.crm.custom import (
    CustomUrlClient,
    SecretHeader,
    refuse_what_cannot_be_asked,
    told_of_the_call,
)
from voiceapp.crm.directory import MODULES, DirectoryClient
from voiceapp.crm.kind import (
    HEADER_NAME,
    LABELS_IN_RULES,
    SECRETS,
    URL,
    Ask,
    Connection,
    Kind,
    Surroundings,
    Told,
    Wrong,
    header_slot,
)
from voiceapp.crm.naming import NamingClient

DIRECTORY = "directory"
CUSTOM_URL = "custom"
_OWN = (DIRECTORY, CUSTOM_URL)


def _directory(connection: Connection, around: Surroundings) -> CrmClient:
    return DirectoryClient(around.find, connection.country, around.bounded)


def _custom(connection: Connection, around: Surroundings) -> CrmClient:
    name = connection.option(HEADER_NAME)
    value = connection.secrets.get(header_slot(name), "")
    header = SecretHeader(name, value) if name else None
    return CustomUrlClient(around.door, connection.url, header)


def _wrong_header(told: Told) -> Iterator[Wrong]:
    name = told.options.get(HEADER_NAME, "")
    try:
        if name:
            SecretHeader(name, "any")
    except ValueError as error:
        yield Wrong(HEADER_NAME, str(error))


KINDS: dict[str, Kind] = {
    DIRECTORY: Kind(
        title="Directory",
        build=_directory,
        check=lambda url: None,
        modules=dict.fromkeys(MODULES, "kept in voiceapp itself"),
        signs_in="needs nothing",
        tried="part of voiceapp",
        is_live=True,
        by_phones=False,
    ),
    CUSTOM_URL: Kind(
        title="Custom URL",
        build=_custom,
        check=refuse_what_cannot_be_asked,
        also=_wrong_header,
        asks=(
            Ask(
                URL,
                "Address",
                "Asked by GET over https; it answers with a JSON object. {caller}, {called}, "
                "{call_id}, {field} and {digits} are filled in, or added when there are none.",
            ),
        ),
        header=True,
        signs_in="with a header of one's choice, or none",
        tried="any service that keeps to it",
        told=told_of_the_call,
        by_phones=False,
    ),
    "salesforce": salesforce.KIND,
    "espocrm": espocrm.KIND,
    "vtiger": vtiger.KIND,
    "dynamics": dynamics.KIND,
    "odoo": odoo.KIND,
    "zoho": zoho.KIND,
    "bullhorn": bullhorn.KIND,
    "pipedrive": pipedrive.KIND,
    "suitecrm": suitecrm.KIND,
    "sugarcrm": sugarcrm.KIND,
    "zendesk": zendesk.KIND,
    "hubspot": hubspot.KIND,
    "freshsales": freshsales.KIND,
}


def fault_of(kind: str, url: str, options: Mapping[str, str], *, is_of_a_rule: bool = False) -> str:
    """Return what keeps a CRM from ever being asked, as a sentence; blank if nothing does.

    It names the field by its label on the page: an integration's, or that of a rule with a CRM of
    its own.
    """
    if kind not in KINDS:
        return f"There is no CRM of the kind {kind}."
    for name, sentence in KINDS[kind].wrong(Told(url, options)).items():
        ask = KINDS[kind].ask(name)
        label = ask.label if ask else ""
        if is_of_a_rule:
            label = LABELS_IN_RULES.get(name, label)
        return sentence if label in sentence else f"{label}: {sentence}"
    return ""


def build_client(connection: Connection, around: Surroundings) -> CrmClient:
    """Return the client for a connection.

    Raises ValueError, with a sentence, for a kind that does not exist or settings it can't use.
    """
    if connection.kind not in KINDS:
        raise ValueError(f"There is no CRM of the kind {connection.kind}.")
    kind = KINDS[connection.kind]
    secrets = [one for one in SECRETS if connection.has_secret(one)]
    told = Told(connection.url, connection.options, secrets)
    for sentence in kind.wrong(told).values():
        raise ValueError(sentence)  # whatever led here: credentials go to no other host
    book = around.book(connection)
    client = kind.build(connection, replace(around, book=lambda _: book))
    # those without fields of their own have no book
    return NamingClient(client, book) if connection.kind not in _OWN else client
