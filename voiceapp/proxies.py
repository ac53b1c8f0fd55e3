"""Who is it that asks? Behind proxies of ours it is who asked the outermost of them."""

import ipaddress
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_LIST = "HTTP_X_FORWARDED_FOR"


class ClientAddress:
    """Puts the client's address into the place of the last proxy's, and changes nothing else.

    Each proxy adds whom it was asked by to the right of a list, so with `trusted` proxies in
    front the entry that many places from the right is the client. What stands further left is
    what the client claims. With none in front nothing of the list is believed.
    """

    def __init__(self, application: "WSGIApplication", trusted: int) -> None:
        self._application = application
        self._trusted = trusted

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        if address := forwarded_for(environ.get(_LIST, ""), self._trusted):
            environ["REMOTE_ADDR"] = address
        return self._application(environ, start_response)


def forwarded_for(value: str, trusted: int) -> str:
    """
    Return the address that the outermost of our proxies was asked from; blank if it said none.

    Cut at commas whatever else stands there: a quotation mark of the client's must not hide what
    the proxies have added.

    >>> forwarded_for("198.51.100.9, 192.0.2.1", 1), forwarded_for("192.0.2.1, 10.0.0.1", 2)
    ('192.0.2.1', '192.0.2.1')
    >>> forwarded_for("192.0.2.1", 0), forwarded_for("192.0.2.1", 2), forwarded_for("unknown", 1)
    ('', '', '')
    >>> forwarded_for('"x, 192.0.2.1:4711', 1), forwarded_for("[2001:db8::1]:443", 1)
    ('192.0.2.1', '2001:db8::1')
    """
    entries = value.split(",")
    if not 0 < trusted <= len(entries):
        return ""
    return _address(entries[-trusted].strip())


def _address(entry: str) -> str:
    """Return the address in an entry, which some proxies write with a port."""
    if entry.startswith("["):
        entry = entry[1:].partition("]")[0]
    elif entry.count(":") == 1:
        entry = entry.partition(":")[0]
    try:
        return str(ipaddress.ip_address(entry))
    except ValueError:
        return ""
