"""A stand-in that an application can be set up to ask: at a port of this machine."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.crm.https_server import HttpsServer
from tests.wire.standin import StandIn

HOST = "crm.test"


@dataclass(frozen=True, slots=True)
class Hosted:
    """A stand-in that runs; `settings` let an application trust it and come to it."""

    crm: StandIn
    url: str
    settings: dict[str, str]


@contextmanager
def hosted(crm: StandIn, folder: Path, path: str = "/", host: str = HOST) -> Iterator[Hosted]:
    """Let a stand-in for a CRM of one's own run at `https://crm.test:<port><path>`."""
    authority = trustme.CA()
    bundle = folder / "authority.pem"
    authority.cert_pem.write_to_path(bundle)
    with closing(HttpsServer(authority.issue_cert(host), crm)) as server:
        settings = {"CRM_ALLOWED_HOSTS": host, "CRM_CA_BUNDLE": str(bundle)}
        yield Hosted(crm, f"https://{host}:{server.port}{path}", settings)
