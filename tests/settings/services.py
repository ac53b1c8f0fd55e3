"""CRMs to set up and ask: a real HTTPS server, and kinds of CRM that use fields in other ways."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.crm.https_server import HttpsServer, Visit
from voiceapp.crm.contract import CrmClient
from voiceapp.crm.custom import CustomUrlClient, SecretHeader, refuse_what_cannot_be_asked
from voiceapp.crm.kind import (
    PASSWORD,
    URL,
    USERNAME,
    Ask,
    Connection,
    Kind,
    Surroundings,
    secret_slot,
)

ADA = b'{"name": "Ada", "Tier": "Gold"}'
HOSTS = ("crm.test", "evil.test", "crm.test.evil.test", "xn--crm-hoa.test")


@dataclass(frozen=True, slots=True)
class Service:
    """A web service on two ports that answers to all HOSTS and knows everybody as Ada Gold."""

    server: HttpsServer
    other: HttpsServer
    settings: dict[str, str]
    """Lets an application trust it and come to it, whatever the host is called."""

    def url(self, rest: str = "/find", host: str = "crm.test") -> str:
        return f"https://{host}:{self.server.port}{rest}"

    @property
    def visits(self) -> list[Visit]:
        """What came to either port."""
        return [*self.server.visits, *self.other.visits]

    def received(self) -> str:
        """Return everything that was sent to it."""
        return repr([(visit.target, dict(visit.headers), visit.body) for visit in self.visits])


@contextmanager
def serving(folder: Path) -> Iterator[Service]:
    """Yield a service that runs."""
    authority = trustme.CA()
    bundle = folder / "authority.pem"
    authority.cert_pem.write_to_path(bundle)
    certificate = authority.issue_cert(*HOSTS)
    with ExitStack() as stack:
        server, other = (
            stack.enter_context(closing(HttpsServer(certificate, lambda visit: visit.answer(ADA))))
            for _ in range(2)
        )
        allowed = {"CRM_ALLOWED_HOSTS": ",".join(HOSTS), "CRM_CA_BUNDLE": str(bundle)}
        yield Service(server, other, allowed)


def _build(connection: Connection, around: Surroundings) -> CrmClient:
    password = connection.secrets.get(secret_slot(PASSWORD, connection.options), "")
    header = SecretHeader("X-Password", password) if password else None
    return CustomUrlClient(around.door, connection.url, header)


STAND_INS = {
    "full": Kind(
        title="Odoo",
        build=_build,
        check=refuse_what_cannot_be_asked,
        modules={"Contacts": "people", "Leads": "leads"},
        asks=(
            Ask(USERNAME, "E-mail", "The e-mail address of the account."),
            Ask(PASSWORD, "API key", "An API key of the account."),
            Ask(URL, "Site", "Where Odoo is, e.g. https://shop.odoo.example."),
        ),
    ),
    "token": Kind(
        title="Tokens",
        build=_build,
        check=refuse_what_cannot_be_asked,
        modules={"People": "people"},
        asks=(Ask(PASSWORD, "Token", "A token."), Ask(URL, "Site", "Where it is.")),
    ),
    "open": Kind(
        title="Open",
        build=_build,
        check=refuse_what_cannot_be_asked,
        modules={"People": "people"},
        asks=(Ask(USERNAME, "User", "Who asks."), Ask(URL, "Site", "Where it is.")),
    ),
}
"""Kinds of CRM that use the fields in other ways than those there are."""
