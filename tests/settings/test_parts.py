"""The forms of queues, DIDs, IVRs and settings: what they take, and how they refuse."""

import re
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from typing import Any

import phonenumbers
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.settings.conftest import SignedIn
from voiceapp.extensions import db
from voiceapp.routing import draft, releases
from voiceapp.rules.plan import Did, Installation, Ivr, Plan, Queue
from voiceapp.rules.rule import Destination, DestinationKind, Prompt, Voice

MENU = "/admin/ivrs/"
NUMBERS = "/admin/dids/"
QUEUES = "/admin/queues/"
SETTINGS = "/admin/settings/"
DRAFT_SAVED = "Saved as a draft. Calls still follow release 1. Publish"


class Page(HTMLParser):
    """A page as a browser reads it: what its form would send, and what its parts point at."""

    def __init__(self, answer: TestResponse) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.disabled: set[str] = set()
        self.ids: list[str] = []
        self.described: dict[str, list[str]] = {}
        self.anchors: list[str] = []
        self.actions: list[str] = []
        self.links: set[str] = set()
        self.buttons: list[str] = []
        self._disabling: list[bool] = []  # of each open fieldset
        self._texts: dict[str, str] = {}
        self._inside: list[tuple[str, str]] = []
        self._filled = ""
        self.feed(answer.text)
        self.text = " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        for _, id_ in self._inside:
            self._texts[id_] = self._texts.get(id_, "") + " "  # one cell is not the next
        self._look(tag, given)
        if "id" in given:
            self.ids.append(given["id"])
            self._texts[given["id"]] = ""
        if tag not in ("input", "meta", "link", "br", "img"):
            self._inside.append((tag, given.get("id", "")))
        if name := given.get("name"):
            self._field(tag, name, given)
        if tag == "option" and ("selected" in given or self.fields.get(self._filled) is None):
            self.fields[self._filled] = given["value"]

    def _look(self, tag: str, given: dict[str, str]) -> None:
        match tag:
            case "fieldset":
                self._disabling.append("disabled" in given)
            case "a" if given.get("href", "").startswith("#"):
                self.anchors.append(given["href"][1:])
            case "a":
                self.links.add(given.get("href", ""))
            case "form":
                self.actions.append(given.get("action", ""))
            case "button" if given.get("name") == "do":
                self.buttons.append(given["value"])

    def _field(self, tag: str, name: str, given: dict[str, str]) -> None:
        if "aria-describedby" in given:
            self.described.setdefault(name, []).extend(given["aria-describedby"].split())
        if any(self._disabling):
            self.disabled.add(name)
        match tag:
            case "input":
                self.fields[name] = given.get("value", "")
            case "textarea":
                self._filled, self.fields[name] = name, ""
            case "select":
                self._filled = name
                self.fields.pop(name, None)

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop()[0] != tag:
            pass
        if tag == "fieldset":
            self._disabling.pop()

    def handle_data(self, data: str) -> None:
        for _, id_ in self._inside:
            self._texts[id_] = self._texts.get(id_, "") + data
        if self._inside and self._inside[-1][0] == "textarea":
            self.fields[self._filled] += data

    def said_at(self, id_: str) -> str:
        """Return the text within the element with an id."""
        return " ".join(self._texts[id_].split())

    def wrong(self, name: str) -> str:
        """Return the message that an input is described by; blank if there is none."""
        wrong = [one for one in self.described.get(name, []) if one.endswith("-wrong")]
        return self.said_at(wrong[0]).removeprefix("▲ ") if wrong else ""


def opened(client: FlaskClient, address: str) -> Page:
    answer = client.get(address)
    assert answer.status_code == 200, answer.status
    return Page(answer)


def send(client: FlaskClient, address: str, page: Page, /, **typed: str) -> TestResponse:
    """Send a page's form with some fields typed anew; a dash in their names reads `__`."""
    changed = {name.replace("__", "-"): text for name, text in typed.items()}
    assert set(changed) - {"do"} <= set(page.fields), set(changed) - set(page.fields)
    return client.post(address, data=page.fields | {"do": "save"} | changed)


def drafted(app: Flask) -> Plan:
    with app.app_context():
        return draft.read(db.session())


def id_of(app: Flask, type_: type, key: str) -> int:
    with app.app_context():
        return draft.ids(db.session())[type_, key]


@pytest.fixture
def editor(signed_in: SignedIn) -> FlaskClient:
    """The browser of somebody who may edit."""
    return signed_in("editor")


def to(kind: str, option: str = "") -> Destination:
    return Destination(DestinationKind(kind), option)


GENERAL = to("queue", "general")
NEW_DID = {
    "number": "(202) 555-0189",
    "name": " Nights ",
    "destination__kind": "queue",
    "destination__queue": "vip",
}
NEW_IVR = {
    "number": "900",
    "name": "Nights",
    "greeting__text": "We are closed.\r\nPress 1.",
    "no_key__kind": "hangup",
}
GOOD: list[tuple[str, dict[str, str], Callable[[Plan], Any], Any]] = [
    (QUEUES, {"name": " nights "}, lambda plan: plan.queues[-1], Queue("nights")),
    (QUEUES, {"name": "ünï <b>&'\""}, lambda plan: plan.queues[-1], Queue("ünï <b>&'\"")),
    (QUEUES, {"name": "x" * 64}, lambda plan: plan.queues[-1], Queue("x" * 64)),
    (
        NUMBERS,
        NEW_DID,
        lambda plan: plan.dids[-1],
        Did("+12025550189", "Nights", to("queue", "vip")),
    ),
    (
        NUMBERS,
        NEW_DID | {"number": "+49 30 1234567", "safe__kind": "say", "safe__say": "Bye."},
        lambda plan: plan.dids[-1],
        Did("+49301234567", "Nights", to("queue", "vip"), safe=to("say", "Bye.")),
    ),
    (
        NUMBERS,
        NEW_DID | {"destination__kind": "dial", "destination__dial": "(202) 555-0123"},
        lambda plan: plan.dids[-1].destination,
        to("dial", "+12025550123"),
    ),
    (
        NUMBERS,
        NEW_DID | {"destination__kind": "dial", "destination__dial": "sip:desk@pbx.example.com"},
        lambda plan: plan.dids[-1].destination,
        to("dial", "sip:desk@pbx.example.com"),
    ),
    (
        NUMBERS,
        NEW_DID | {"destination__kind": "rule", "destination__rule": "VIP customers"},
        lambda plan: plan.dids[-1].destination,
        to("rule", "VIP customers"),
    ),
    (
        MENU,
        NEW_IVR,
        lambda plan: plan.ivrs[-1],
        Ivr("900", "Nights", Prompt("We are closed.\nPress 1."), {}, no_key=to("hangup")),
    ),
    (
        MENU,
        NEW_IVR
        | {
            "greeting__text": "",
            "greeting__recording": "thank-you.wav",
            "key_1__kind": "queue",
            "key_1__queue": "vip",
            "key_0__kind": "rule",
            "key_0__rule": "Balance check",
            "key_star__kind": "menu",
            "key_hash__kind": "recording",
            "key_hash__recording": "bronze-offer.wav",
            "no_key__kind": "ivr",
            "no_key__ivr": "801",
            "wrong_key__kind": "hangup",
            "loops": "10",
            "timeout": " 60 ",
            "voice__voice": "Polly.Vicki de-DE",
        },
        lambda plan: plan.ivrs[-1],
        Ivr(
            "900",
            "Nights",
            Prompt(recording="thank-you.wav"),
            {
                "1": to("queue", "vip"),
                "0": to("rule", "Balance check"),
                "*": to("menu"),
                "#": to("recording", "bronze-offer.wav"),
            },
            no_key=to("ivr", "801"),
            wrong_key=to("hangup"),
            loops=10,
            timeout=60,
            voice=Voice("Polly.Vicki", "de-DE"),
        ),
    ),
]


@pytest.mark.parametrize(("tab", "typed", "saved", "part"), GOOD)
def test_what_is_typed_is_added_to_the_draft(
    app: Flask, editor: FlaskClient, tab: str, typed: dict, saved: Callable, part: Any
):
    answer = send(editor, f"{tab}new", opened(editor, f"{tab}new"), **typed)

    assert answer.status_code == 303, Page(answer).text
    assert saved(drafted(app)) == part
    page = opened(editor, answer.location)
    assert DRAFT_SAVED in page.text
    assert send(editor, answer.location, page).status_code == 303
    assert saved(drafted(app)) == part  # the page shows what was saved, to the letter


def test_settings_are_saved(app: Flask, editor: FlaskClient):
    page = opened(editor, SETTINGS)
    assert page.fields["safe-queue"] == "general"

    answer = send(
        editor,
        SETTINGS,
        page,
        safe__kind="dial",
        safe__dial="+49 30 1234567",
        country="DE",
        time_zone="Europe/Berlin",
        voice__voice="Polly.Hans de-DE",
        journal_days=" 30 ",
    )

    assert (answer.status_code, answer.location) == (303, SETTINGS)
    assert drafted(app).installation == Installation(
        to("dial", "+49301234567"), "DE", "Europe/Berlin", Voice("Polly.Hans", "de-DE"), 30
    )


@pytest.mark.parametrize(("typed", "days"), [("", 0), ("1", 1), ("36500", 36_500)])
def test_calls_are_kept_for_some_days_or_for_ever(app: Flask, editor: FlaskClient, typed, days):
    page = opened(editor, SETTINGS)
    assert page.fields["journal_days"] == "90"

    assert send(editor, SETTINGS, page, journal_days=typed).status_code == 303

    assert drafted(app).installation.journal_days == days
    assert opened(editor, SETTINGS).fields["journal_days"] == (typed if days else "")


@pytest.mark.parametrize("typed", ["0", "-1", "36501", "1e3", "٣", "soon", "1" * 4400])
def test_what_is_no_number_of_days_is_refused(app: Flask, editor: FlaskClient, typed):
    before = drafted(app)

    answer = send(editor, SETTINGS, opened(editor, SETTINGS), journal_days=typed)

    assert answer.status_code == 422
    # once at the top, once at the field
    assert answer.text.count("Type a number of days, 1 to 36500") == 2
    assert drafted(app) == before


def test_countries_are_offered_by_their_names(editor: FlaskClient):
    offered = re.findall(r'<option[^>]* value="(..)">([^<]+)</option>', editor.get(SETTINGS).text)

    named = dict(offered)
    assert (named["DE"], named["US"]) == ("Germany (+49)", "United States (+1)")
    assert sorted(named) == sorted(phonenumbers.SUPPORTED_REGIONS)


def test_settings_that_were_never_saved_begin_with_what_is_usual(app: Flask, editor: FlaskClient):
    with app.app_context():
        session = db.session()
        stored = draft.find_key(session, Installation, "")
        assert stored is not None
        draft.remove(session, Installation, stored.id, stored.version, "Ann")
        session.commit()

    page = opened(editor, SETTINGS)
    assert (page.fields["country"], page.fields["time_zone"]) == ("US", "UTC")
    assert page.fields["voice-voice"] == "Polly.Joanna en-US"
    assert page.fields["safe-kind"] == ""
    answer = send(editor, SETTINGS, page, safe__kind="queue", safe__queue="vip")

    assert answer.status_code == 303
    assert drafted(app).installation == Installation(to("queue", "vip"), journal_days=90)


@pytest.mark.parametrize(
    ("tab", "type_", "key"),
    [
        (QUEUES, Queue, "vip"),
        (NUMBERS, Did, "+12025550180"),
        (MENU, Ivr, "801"),
        (SETTINGS, Installation, ""),
    ],
)
def test_a_page_that_is_saved_as_it_is_changes_nothing(
    app: Flask, editor: FlaskClient, tab: str, type_: type, key: str
):
    before = drafted(app)
    address = tab if type_ is Installation else f"{tab}{id_of(app, type_, key)}"

    for do in ("save", "publish"):
        answer = send(editor, address, opened(editor, address), do=do)

        assert (answer.status_code, answer.location) == (303, address)
        said = opened(editor, address).text
        assert "Nothing has changed." in said
        assert DRAFT_SAVED not in said
    assert drafted(app) == before
    with app.app_context():
        assert releases.newest_number(db.session()) == 1


NO_WHERE = "Choose where the call goes."
BAD: list[tuple[str, dict[str, str], dict[str, str]]] = [
    (QUEUES, {"name": ""}, {"name": "Type a name, e.g. general."}),
    (QUEUES, {"name": "   "}, {"name": "Type a name, e.g. general."}),
    (QUEUES, {"name": "x" * 65}, {"name": "Use at most 64 characters."}),
    (
        QUEUES,
        {"name": "a\x07b"},
        {"name": "There is a character in it that can't be sent. Type the text anew."},
    ),
    (QUEUES, {"name": "vip"}, {"name": "There is a queue of this name. Type another one."}),
    (
        NUMBERS,
        {"name": "Nights"},
        {
            "number": "Type the number that is called, e.g. +12025550180.",
            "destination-kind": NO_WHERE,
        },
    ),
    (
        NUMBERS,
        NEW_DID | {"number": "Sales", "name": "\t"},
        {
            "number": "This is no phone number. Type it with + and the country code, "
            "e.g. +12025550180.",
            "name": "Type what the number is for, e.g. Sales.",
        },
    ),
    (
        NUMBERS,
        NEW_DID | {"number": "202-555-0180"},
        {"number": "There is a DID of this number. Look for it in the list."},
    ),
    (
        NUMBERS,
        NEW_DID | {"name": "x" * 101, "safe__kind": "say", "safe__say": " "},
        {
            "name": "Use at most 100 characters.",
            "safe-kind": "Type the sentence that callers hear.",
        },
    ),
    (
        NUMBERS,
        NEW_DID | {"destination__kind": "dial", "destination__dial": "our office"},
        {"destination-dial": "Type a phone number, e.g. +12025550123, or sip:name@host."},
    ),
    (
        NUMBERS,
        NEW_DID | {"destination__queue": ""},
        {"destination-queue": "Choose which queue."},
    ),
    (
        MENU,
        {"number": "main"},
        {
            "number": "An IVR's number has 1 to 10 digits, e.g. 801.",
            "name": "Type what the menu is for, e.g. Main menu.",
            "greeting-text": "Type what callers hear, or choose a recording.",
            "no_key-kind": NO_WHERE,
        },
    ),
    (
        MENU,
        NEW_IVR | {"number": "801", "name": "Again"},
        {"number": "There is an IVR of this number. Type another one."},
    ),
    (
        MENU,
        NEW_IVR | {"loops": "0", "timeout": "61"},
        {"loops": "Type a number from 1 to 10.", "timeout": "Type a number from 1 to 60."},
    ),
    (
        MENU,
        NEW_IVR | {"loops": "three", "timeout": ""},
        {"loops": "Type a number from 1 to 10.", "timeout": "Type a number from 1 to 60."},
    ),
    (
        MENU,
        NEW_IVR | {"loops": "1_0", "timeout": "9" * 5000},
        {"loops": "Type a number from 1 to 10.", "timeout": "Type a number from 1 to 60."},
    ),
    (
        MENU,
        NEW_IVR | {"greeting__recording": "thank-you.wav", "key_star__kind": "queue"},
        {
            "greeting-text": "Either type a text or choose a recording, not both.",
            "greeting-recording": "Either type a text or choose a recording, not both.",
            "key_star-queue": "Choose which queue.",
        },
    ),
    (
        MENU,
        NEW_IVR | {"voice__voice": "Nobody xx-XX", "wrong_key__kind": "", "key_1__kind": "say"},
        {
            "voice-voice": "Choose a voice of the list.",
            "wrong_key-kind": NO_WHERE,
            "key_1-kind": "“Say and hang up” can't stand here. Choose another destination.",
        },
    ),
]


def kept(typed: dict[str, str]) -> dict[str, str]:
    """Return what must still stand in the form: all but what no list and no page can hold."""
    lost = {"key_1__kind", "voice__voice"}
    fields = {name.replace("__", "-"): text for name, text in typed.items() if name not in lost}
    if fields.get("number", "").endswith(("0180", "0189")):
        del fields["number"]  # it is shown as it was understood
    return {name: text.strip() for name, text in fields.items() if "\0" not in text}


@pytest.mark.parametrize(("tab", "typed", "messages"), BAD)
def test_what_can_not_be_saved_says_so_beside_and_at_the_top(
    app: Flask,
    editor: FlaskClient,
    tab: str,
    typed: dict[str, str],
    messages: dict[str, str],
):
    before = drafted(app)

    answer = send(editor, f"{tab}new", opened(editor, f"{tab}new"), **typed)

    page = Page(answer)
    assert answer.status_code == 422
    assert {name: page.wrong(name) for name in messages} == messages
    summary = page.said_at("summary")
    assert all(sentence in summary for sentence in messages.values())
    assert len(page.anchors) - 1 == len(set(messages.values())) or NO_WHERE in summary
    assert set(page.anchors) <= set(page.ids)
    assert {one for ids in page.described.values() for one in ids} <= set(page.ids)
    assert {name: page.fields[name] for name in kept(typed)} == kept(typed)
    assert drafted(app) == before


def test_settings_take_only_what_is_in_the_lists(app: Flask, editor: FlaskClient):
    before = drafted(app)
    typed = {"country": "XX", "time_zone": "Mars/Olympus", "safe__queue": "nowhere"}

    answer = send(editor, SETTINGS, opened(editor, SETTINGS), **typed)

    page = Page(answer)
    assert answer.status_code == 422
    assert page.wrong("country")
    assert page.wrong("time_zone")
    assert page.wrong("safe-queue") == "“nowhere” is gone. Choose which queue."
    assert set(page.anchors) <= set(page.ids)
    assert drafted(app) == before


def test_a_form_that_sends_nothing_is_refused(app: Flask, editor: FlaskClient):
    before = drafted(app)

    for address in (f"{QUEUES}new", f"{NUMBERS}new", f"{MENU}new", SETTINGS):
        token = opened(editor, address).fields["csrf_token"]
        assert editor.post(address, data={"csrf_token": token}).status_code == 422

    assert drafted(app) == before


def test_a_destination_that_is_gone_is_still_shown_and_refused(app: Flask, editor: FlaskClient):
    with app.app_context():
        session = db.session()
        stored = draft.find_key(session, Queue, "vip")
        assert stored is not None
        address = f"{NUMBERS}new"
        page = opened(editor, address)
        draft.remove(session, Queue, stored.id, stored.version, "Ann")
        session.commit()

    page = Page(send(editor, address, page, **NEW_DID))

    assert page.fields["destination-queue"] == "vip"
    assert page.wrong("destination-queue") == "“vip” is gone. Choose which queue."
    assert "vip (gone)" in page.text


@pytest.mark.parametrize("tab", [QUEUES, NUMBERS, MENU])
def test_an_id_that_nobody_has_is_not_found(editor: FlaskClient, tab: str):
    token = opened(editor, f"{tab}new").fields["csrf_token"]
    ids = ("0", "999999", str(2**31 - 1), str(2**31), str(10**20), "-1", "x")

    asked = [f"{tab}{id_}{page}" for id_ in ids for page in ("", "/delete")]

    assert {editor.get(address).status_code for address in asked} == {404}
    sent = {editor.post(address, data={"csrf_token": token}).status_code for address in asked}
    assert sent == {404}


def test_a_part_is_not_found_under_another_tab(app: Flask, editor: FlaskClient):
    assert editor.get(f"{QUEUES}{id_of(app, Did, '+12025550180')}").status_code == 404
    assert editor.get(f"{NUMBERS}{id_of(app, Queue, 'vip')}/delete").status_code == 404


class TestDelete:
    @pytest.mark.parametrize(
        ("tab", "type_", "key", "users"),
        [
            (
                QUEUES,
                Queue,
                "vip",
                [
                    "condition 1 of CRM rule VIP customers",
                    "condition 1 of CRM rule Balance check",
                    "condition 1 of CRM rule Account number",
                ],
            ),
            (QUEUES, Queue, "general", ["the safe destination", "key 1 of IVR 801 Main menu"]),
            (
                MENU,
                Ivr,
                "801",
                ["DID +12025550181 Support", "“withheld” of CRM rule VIP customers"],
            ),
        ],
    )
    def test_it_names_what_uses_the_part_before_it_goes(
        self,
        app: Flask,
        editor: FlaskClient,
        tab: str,
        type_: type,
        key: str,
        users: list[str],
    ):
        address = f"{tab}{id_of(app, type_, key)}/delete"

        page = opened(editor, address)

        assert all(one in page.text for one in users)
        assert draft_has(app, type_, key)

        answer = editor.post(address, data=page.fields)

        assert (answer.status_code, answer.location) == (303, tab)
        assert not draft_has(app, type_, key)
        assert "is deleted in the draft. Calls still follow release 1." in opened(editor, tab).text
        assert editor.get(address).status_code == 404

    def test_what_nobody_uses_says_so(self, app: Flask, editor: FlaskClient):
        address = f"{NUMBERS}{id_of(app, Did, '+12025550180')}/delete"

        page = opened(editor, address)

        assert "Delete the DID Sales?" in page.text
        assert "Nothing else refers to it." in page.text

    def test_what_was_not_looked_at_stays(self, app: Flask, editor: FlaskClient):
        address = f"{QUEUES}{id_of(app, Queue, 'vip')}/delete"
        page = opened(editor, address)

        for version in ("", "0", "99", "-1", "x", "²", "9" * 5000):
            answer = editor.post(address, data=page.fields | {"version": version})
            assert answer.status_code == 303
            assert "Look again before you delete it." in opened(editor, answer.location).text

        assert draft_has(app, Queue, "vip")


def draft_has(app: Flask, type_: type, key: str) -> bool:
    with app.app_context():
        return (type_, key) in draft.ids(db.session())


class TestViewer:
    @pytest.mark.parametrize(
        ("tab", "type_", "key"),
        [
            (QUEUES, Queue, "vip"),
            (NUMBERS, Did, "+12025550180"),
            (MENU, Ivr, "801"),
            (SETTINGS, Installation, ""),
        ],
    )
    def test_they_see_everything_and_change_nothing(
        self, app: Flask, signed_in: SignedIn, tab: str, type_: type, key: str
    ):
        viewer = signed_in("viewer")
        before = drafted(app)
        address = tab if type_ is Installation else f"{tab}{id_of(app, type_, key)}"

        page = opened(viewer, address)

        assert page.disabled == set(page.fields) - {"csrf_token", "version"} != set()
        assert page.buttons == []
        assert not any(link.endswith(("/delete", "/new")) for link in page.links)
        assert viewer.post(address, data=page.fields).status_code == 403
        head = viewer.head(address, data=page.fields | {"name": "mine"})
        assert head.status_code == 200  # asking for the head of a page saves nothing either
        assert drafted(app) == before

    def test_their_lists_offer_nothing_to_add(self, signed_in: SignedIn):
        viewer = signed_in("viewer")

        for tab in (QUEUES, NUMBERS, MENU):
            assert f"{tab}new" not in opened(viewer, tab).links
            assert viewer.get(f"{tab}new").status_code == 403
