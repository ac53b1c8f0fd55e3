"""The kinds of CRM there are."""

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
from voiceapp.crm.kind import HEADER_NAME, URL, Ask, Connection, Kind, Surroundings, header_slot

DIRECTORY = "directory"
CUSTOM_URL = "custom"


def _directory(connection: Connection, around: Surroundings) -> CrmClient:
    return DirectoryClient(around.find, connection.country, around.bounded)


def _custom(connection: Connection, around: Surroundings) -> CrmClient:
    name = connection.option(HEADER_NAME)
    value = connection.secrets.get(header_slot(name), "")
    header = SecretHeader(name, value) if name else None
    return CustomUrlClient(around.door, connection.url, header)


KINDS: dict[str, Kind] = {
    DIRECTORY: Kind(
        title="Directory",
        build=_directory,
        check=lambda url: None,
        modules=dict.fromkeys(MODULES, "kept in voiceapp itself"),
        signs_in="needs nothing",
        tried="part of voiceapp",
        is_live=True,
    ),
    CUSTOM_URL: Kind(
        title="Custom URL",
        build=_custom,
        check=refuse_what_cannot_be_asked,
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
    kind = KINDS[connection.kind]
    kind.check(connection.url)  # whatever led here: credentials go to no other host
    return kind.build(connection, around)
