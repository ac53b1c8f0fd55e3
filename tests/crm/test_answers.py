"""What answers mean: JSON, statuses, shapes, and the pause that a CRM asks for."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceapp.crm.answers import bad, by_status, name, read, retry_after, rows, text, throttled
from voiceapp.crm.contract import (
    CrmBadAnswer,
    CrmCredentialsRefused,
    CrmError,
    CrmMisconfigured,
    CrmNotPermitted,
    CrmRefused,
    CrmThrottled,
    CrmUnavailable,
    FieldValue,
)
from voiceapp.crm.door import HttpAnswer

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def answer(status: int = 200, body: bytes = b"", **headers: str) -> HttpAnswer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpAnswer(status, MappingProxyType(named), body)


def quota_used_up(answer: HttpAnswer, payload: FieldValue) -> CrmError | None:
    """Look for a fault as some CRMs tell it, in whatever status."""
    is_told = isinstance(payload, dict) and payload.get("code") == "QUOTA"
    return CrmThrottled("The quota is used up.") if is_told else None


@pytest.mark.parametrize(
    ("body", "payload"),
    [
        (b'{"data": [{"id": 1}]}', {"data": [{"id": 1}]}),
        (b"[1.50]", [Decimal("1.50")]),
        (b"null", None),
        (b"", None),
        (b" \r\n", None),
        (b"\xef\xbb\xbf{}", {}),
    ],
)
@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_a_good_answer_is_its_json_or_nothing(status, body, payload):
    assert read("Crm", answer(status, body)) == payload


@pytest.mark.parametrize("body", [b"<html>Sign in</html>", b"{", b"\xff", b"NaN", b"[" * 200])
def test_a_good_answer_that_is_no_json_can_not_be_read(body):
    with pytest.raises(CrmBadAnswer, match=r"^Crm answered with something else than JSON\.$"):
        read("Crm", answer(200, body))


@pytest.mark.parametrize(
    ("status", "error", "sentence"),
    [
        (401, CrmCredentialsRefused, "Crm did not accept the credentials."),
        (403, CrmNotPermitted, "Crm does not permit these credentials to read this."),
        (429, CrmThrottled, "Crm says that it is asked too often."),
        (400, CrmMisconfigured, "Crm rejected the request (400)."),
        (404, CrmMisconfigured, "Crm rejected the request (404)."),
        (499, CrmMisconfigured, "Crm rejected the request (499)."),
        (500, CrmUnavailable, "Crm has a fault of its own (500)."),
        (503, CrmUnavailable, "Crm has a fault of its own (503)."),
        (301, CrmRefused, "Crm answered with a redirect (301); they are not followed."),
        (307, CrmRefused, "Crm answered with a redirect (307); they are not followed."),
        (199, CrmBadAnswer, "Crm answered with status 199 instead of 200."),
    ],
)
@pytest.mark.parametrize("body", [b"", b'{"why": "hunter2"}', b"<p>hunter2</p>", b"\xff"])
def test_another_status_is_an_error_whatever_the_body_says(status, error, sentence, body):
    with pytest.raises(CrmError) as met:
        read("Crm", answer(status, body))

    assert type(met.value) is error
    assert str(met.value) == sentence


@given(st.integers(100, 999).filter(lambda status: not 200 <= status < 300))
def test_every_status_that_is_not_good_has_an_error(status):
    assert isinstance(by_status("Crm", answer(status)), CrmError)


@pytest.mark.parametrize("status", [200, 400, 401, 503])
def test_a_crms_own_way_to_say_what_is_wrong_comes_before_the_status(status):
    with pytest.raises(CrmThrottled, match=r"^The quota is used up\.$"):
        read("Crm", answer(status, b'{"code": "QUOTA"}'), quota_used_up)


def test_what_a_crms_own_way_leaves_open_the_status_says():
    with pytest.raises(CrmCredentialsRefused):
        read("Crm", answer(401, b'{"code": "OTHER"}'), quota_used_up)
    assert read("Crm", answer(200, b'{"code": "OTHER"}'), quota_used_up) == {"code": "OTHER"}


@pytest.mark.parametrize(
    ("header", "pause"),
    [
        ("0", 0),
        ("120", 120),
        (" 120 ", 120),
        ("Sun, 22 Nov 2026 10:01:00 GMT", 60),
        ("Sunday, 22-Nov-26 10:01:00 GMT", 60),
        ("Sun, 22 Nov 2026 12:01:00 +0200", 60),
        ("Sun, 22 Nov 2026 09:59:00 GMT", 0),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("١٢", None),
        ("Sun, 22 Nov 2026", None),
        ("Sun, 32 Nov 2026 10:01:00 GMT", None),
        ("2026-11-22T10:01:00Z", None),
    ],
)
def test_the_pause_that_a_crm_asks_for_is_in_seconds_or_until_a_moment(header, pause):
    assert retry_after(header, NOW) == pause


@given(st.text(max_size=30) | st.text("SunNov GMT,:+-0123456789", max_size=40))
def test_no_header_breaks_reading_it(header):
    pause = retry_after(header, NOW)

    assert pause is None or pause >= 0


def test_being_asked_too_often_tells_the_pause():
    later = (datetime.now(UTC) + timedelta(hours=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")

    assert throttled("Crm", answer(429, Retry_After="7")).retry_after == 7
    assert throttled("Crm", answer(429)).retry_after is None
    assert 0 < throttled("Crm", answer(429, Retry_After=later)).retry_after <= 3600


@pytest.mark.parametrize(
    ("status", "header", "pause"),
    [(503, "7", 7), (503, "86400", 3600), (503, "soon", None), (500, "7", None)],
)
def test_a_service_that_is_out_of_use_tells_the_pause(status, header, pause):
    error = by_status("Crm", answer(status, Retry_After=header))

    assert type(error) is CrmUnavailable
    assert error.retry_after == pause


@pytest.mark.parametrize(
    ("payload", "path", "found"),
    [
        ([{"id": 1}], (), [{"id": 1}]),
        ({"a": {"b": [{"id": 1}, {}]}}, ("a", "b"), [{"id": 1}, {}]),
        ({"a": []}, ("a",), []),
        ({"a": None}, ("a", "b"), []),
        ({}, ("a", "b"), []),
        (None, ("a",), []),
    ],
)
def test_rows_are_the_objects_at_a_path(payload, path, found):
    assert rows("Crm", payload, *path) == found


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        ({"id": 1}, ()),
        ("text", ()),
        (0, ()),
        (False, ("a",)),
        ([], ("a",)),
        ({"a": "text"}, ("a",)),
        ({"a": {}}, ("a",)),
        ({"a": [{"id": 1}, None]}, ("a",)),
        ({"a": [[{"id": 1}]]}, ("a",)),
        ({"a": [{"b": []}]}, ("a", "b")),
    ],
)
def test_another_shape_is_no_list_of_objects(payload, path):
    with pytest.raises(CrmBadAnswer, match=f"^{bad('Crm')}$"):
        rows("Crm", payload, *path)


@pytest.mark.parametrize(
    ("value", "written"),
    [("1 a", "1 a"), ("", ""), (7, "7"), (-7, "-7"), (True, ""), (None, ""), ([], ""), ({}, "")],
)
def test_an_id_is_a_text_or_a_number_written_out(value, written):
    assert text(value) == written


@pytest.mark.parametrize("typed", ["Tier", "Tier__c", "Account.Owner.Name", "_x1"])
def test_the_name_of_a_field_stays_as_it_is(typed):
    assert name("Crm", typed) == typed


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "Tier ",
        "1Tier",
        ".Tier",
        "Tier.",
        "a..b",
        "Tier'",
        "a b",
        "a\n",
        "Tiér",
        "a-b",
        "é",
    ],
)
def test_nothing_else_that_is_typed_becomes_a_part_of_a_query(typed):
    with pytest.raises(CrmMisconfigured, match=r"^Crm does not know the module or a field that"):
        name("Crm", typed)
