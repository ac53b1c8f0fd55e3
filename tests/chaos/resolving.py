"""A resolver of the tests': all names of CRMs lead to this machine, two lead nowhere."""

import threading
from collections.abc import Sequence
from socket import EAI_NONAME, gaierror

UNKNOWN = "unknown.crm.test"
"""The name that nobody knows."""
SILENT = "silent.crm.test"
"""The name for which no answer ever comes."""


def resolve(host: str, port: int) -> Sequence[str]:
    """Return this machine's address, for whatever is asked."""
    if host == UNKNOWN:
        raise gaierror(EAI_NONAME, "Name or service not known")
    if host == SILENT:
        threading.Event().wait()
    return ["127.0.0.1"]
