"""Is this request Twilio's? (twilio.com/docs/usage/webhooks/webhooks-security)"""

from collections.abc import Mapping, Sequence
from hmac import compare_digest
from typing import Any
from urllib.parse import quote

from twilio.request_validator import RequestValidator


def signed_url(public_base_url: str, environ: Mapping[str, Any]) -> str:
    """Return the address as Twilio requested and signed it.

    That is the public scheme and host, followed by the request target exactly as it was sent:
    what WSGI decodes (`%2F`, `%C3%AB`, `%7E`) can't be put back together afterwards.
    """
    for name in ("RAW_URI", "REQUEST_URI"):
        target = environ.get(name, "")
        if target.startswith("/"):
            return public_base_url + str(target)
    path = quote(environ.get("PATH_INFO", "/").encode("latin-1"), safe="/")
    query = environ.get("QUERY_STRING", "")
    return public_base_url + path + (f"?{query}" if query else "")


def is_genuine(
    tokens: Sequence[str], url: str, params: Mapping[str, str] | str, signature: str
) -> bool:
    """Say whether one of the auth tokens signed this request.

    `params` is the form of a POST (with repeated fields), empty for a GET, or the text of a body
    that is no form; the validator compares that with the `bodySHA256` in the address.
    """
    return any(_signed_by(token, url, params, signature) for token in tokens)


class _Form(dict[str, list[str]]):
    """A form as the validator reads it fastest: all values of a field by `getall`."""

    getall = dict.__getitem__


def _signed_by(token: str, url: str, params: Mapping[str, str] | str, signature: str) -> bool:
    try:
        validator = RequestValidator(token)
        if lists := getattr(params, "lists", None):
            # validate() computes two, without and with a port: the address as sent is nearly
            # always the right one, and one is enough
            likely = validator.compute_signature(url, _Form(lists()))
            if compare_digest(likely, signature):
                return True
        return bool(validator.validate(url, params, signature))
    except Exception:  # whatever the validator trips over was not sent by Twilio
        return False
