"""The pages of CRM rules: where they are offered, what else they touch, how they say themselves."""

import re
from dataclasses import replace
from html import escape

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from tests.settings.conftest import browser, csrf, post
from tests.settings.forms import Page, drafted, keep, opened, place_of, rule_of, send
from tests.settings.routes import content
from voiceapp.extensions import db
from voiceapp.routing import draft
from voiceapp.rules.plan import Installation, Queue
from voiceapp.rules.rule import Destination, DestinationKind, Location, Rule

DATABASES = ("sqlite",)
TAB, NEW, WORDS = "/admin/routing/", "/admin/routing/new", "/admin/routing/words"
VIP, BALANCE = "VIP customers", "Balance check"
EVIL = "<script>alert('\"')</script>"
FILLED = {
    "name": "Shop customers",
    "field": "Tier",
    "conditions__0__value": "Gold",
    "conditions__0__destination__kind": "queue",
    "conditions__0__destination__queue": "vip",
}


@pytest.fixture
def editor(signed_in):
    return signed_in("editor")


@pytest.fixture
def viewer(signed_in):
    return signed_in("viewer")


def remove(app, type_, key):
    with app.app_context():
        session = db.session()
        stored = draft.find_key(session, type_, key)
        draft.remove(session, type_, stored.id, stored.version, "test")
        session.commit()


def text_of(answer) -> str:
    """Return what people read on a page, in one line."""
    return " ".join(re.sub("<[^>]+>", " ", answer.text.partition("<main")[2]).split())


# Where a rule is offered, and what it offers


@pytest.mark.parametrize(
    ("name", "location", "user"),
    [
        (VIP, "IVR", "DID +12025550180 Sales"),
        (BALANCE, "DID", "key 2 of IVR 801 Main menu"),
    ],
)
def test_the_location_of_a_used_rule_stays_and_its_users_are_named(
    editor, app, name, location, user
):
    url = place_of(app, Rule, name)
    before = drafted(app)

    answer = send(editor, url, location=location)

    assert answer.status_code == 422
    sentence = f"It can't be changed while the rule is used by {user}."
    assert Page(answer.text).errors()["location"] == sentence
    assert drafted(app) == before


def test_the_location_of_a_rule_that_nothing_uses_can_be_changed(editor, app):
    url = send(editor, NEW, **FILLED).location

    assert send(editor, url, location="IVR").status_code == 303
    assert rule_of(app, "Shop customers").location is Location.IVR


def test_only_an_ivr_has_a_menu_to_go_back_to(editor, app):
    kinds = {}
    for location in Location:
        page = Page(send(editor, NEW, do="reshape", location=location.value).text)
        for name in ("conditions-0-destination-kind", "failed-kind"):
            kinds[location, name] = [text for _, text in page[name].options]

    usual = ["Choose …", "Queue", "IVR", "Play a recording", "Dial", "Hang up"]
    for (location, _), offered in kinds.items():
        more = ["Back to the menu"] if location is Location.IVR else []
        assert offered == [*usual, *more]


@pytest.mark.parametrize("kind", ["menu", "rule", "say", "nonsense"])
@pytest.mark.parametrize("name", ["conditions-0-destination", "failed", "after_recording"])
def test_what_can_not_stand_there_is_refused_by_the_server_too(editor, app, name, kind):
    before = drafted(app)

    answer = send(editor, NEW, **FILLED | {f"{name}-kind": kind, f"{name}-{kind}": VIP})

    assert answer.status_code == 422
    assert Page(answer.text).errors()[f"{name}-kind"]
    assert drafted(app) == before


def test_an_ivr_may_lead_back_to_the_menu(editor, app):
    send(editor, NEW, **FILLED | {"location": "IVR", "failed__kind": "menu"})

    assert "back to the menu" in map(str, rule_of(app, "Shop customers").outcomes.values())


def test_destination_options_are_what_there_is(editor):
    page = opened(editor, NEW)

    for name in ("conditions-0-destination", "no_condition"):
        assert page[f"{name}-queue"].options == [
            ("", "Choose …"),
            ("billing", "billing"),
            ("general", "general"),
            ("overflow", "overflow"),
            ("vip", "vip"),
        ]
        assert page[f"{name}-ivr"].options[1:] == [
            ("801", "801 Main menu"),
            ("802", "802 Accounts menu"),
        ]
        assert [value for value, _ in page[f"{name}-recording"].options[1:]] == [
            "bronze-offer.wav",
            "thank-you.wav",
        ]


def test_what_was_picked_and_deleted_meanwhile_shows_as_gone_and_is_refused(editor, app):
    url = place_of(app, Rule, VIP)
    remove(app, Queue, "vip")

    page = opened(editor, url)
    answer = send(editor, url, page)

    picked = page["conditions-0-destination-queue"]
    assert picked.value == "vip"
    assert picked.options[-1] == ("vip", "vip (gone)")
    assert answer.status_code == 422
    refused = Page(answer.text)
    assert refused.errors()["conditions-0-destination-queue"] == (
        "“vip” is gone. Choose which queue."
    )
    assert refused["conditions-0-destination-queue"].value == "vip"


OUTCOMES = ("no_condition", "not_found", "several", "withheld", "failed")


def test_the_outcomes_of_a_new_rule_are_filled_with_the_safe_destination(editor, app):
    keep(app, Installation(safe=Destination(DestinationKind.QUEUE, "overflow")))

    page = opened(editor, NEW)

    filled = {(page[f"{name}-kind"].value, page[f"{name}-queue"].value) for name in OUTCOMES}
    assert filled == {("queue", "overflow")}
    assert page["after_recording-kind"].value == "hangup"


def test_so_is_the_one_that_only_keyed_digits_have(editor):
    page = Page(send(editor, NEW, do="reshape", location="IVR", find_by="digits").text)

    assert (page["nothing_keyed-kind"].value, page["nothing_keyed-queue"].value) == (
        "queue",
        "general",
    )


def test_a_sentence_is_no_place_that_a_rule_leads_to(editor, app):
    keep(app, Installation(safe=Destination(DestinationKind.SAY, "Goodbye.")))

    page = opened(editor, NEW)

    assert {page[f"{name}-kind"].value for name in OUTCOMES} == {""}


# What else a rule touches


def test_what_refers_to_a_rule_follows_its_new_name(editor, app):
    send(editor, place_of(app, Rule, VIP), name="Gold customers")
    send(editor, place_of(app, Rule, BALANCE), name="Account balance")

    plan = drafted(app)
    assert {one.name for one in plan.rules} >= {"Gold customers", "Account balance"}
    assert plan.dids[0].destination.option == "Gold customers"
    assert plan.ivrs[0].keys["2"].option == "Account balance"


def test_a_name_is_there_once(editor, app):
    answer = send(editor, NEW, **FILLED | {"name": VIP})

    assert answer.status_code == 422
    assert (
        Page(answer.text).errors()["name"] == "There is a CRM rule of this name. Type another one."
    )


def test_a_copy_has_everything_of_the_rule_and_another_name(editor, app):
    id_ = place_of(app, Rule, VIP).rpartition("/")[2]

    page = opened(editor, f"{NEW}?copy={id_}")
    answer = send(editor, NEW, page)

    assert answer.status_code == 303
    copy = rule_of(app, f"Copy of {VIP}")
    assert replace(copy, name=VIP) == rule_of(app, VIP)


@pytest.mark.parametrize("id_", ["", "0", "x", "-1", "999999", "9" * 30, "9" * 5000, "٣"])
def test_a_copy_of_nothing_is_not_found(editor, id_):
    assert editor.get(NEW, query_string={"copy": id_}).status_code == 404


@pytest.mark.parametrize(
    ("name", "user"),
    [(VIP, "DID +12025550180 Sales"), (BALANCE, "key 2 of IVR 801 Main menu")],
)
def test_before_it_is_deleted_what_uses_it_is_named(editor, app, name, user):
    url = place_of(app, Rule, name)

    answer = editor.get(f"{url}/delete")

    assert answer.status_code == 200
    assert f"Delete the CRM rule {name}?" in text_of(answer)
    assert user in text_of(answer)
    assert rule_of(app, name)  # looking deletes nothing


def test_a_rule_is_deleted_in_the_draft(editor, app):
    url = place_of(app, Rule, VIP)
    version = re.search(r'name="version" value="(\d+)"', editor.get(f"{url}/delete").text)[1]

    answer = post(editor, f"{url}/delete", version=version)

    assert answer.status_code == 303
    assert VIP not in {one.name for one in drafted(app).rules}
    assert editor.get(url).status_code == 404


@pytest.mark.parametrize(
    ("sought", "found"),
    [
        ("", {VIP, BALANCE, "Account number"}),
        ("vip cust", {VIP}),
        ("BALANCE", {BALANCE}),
        ("silver", {VIP}),
        ("contacts", {VIP, BALANCE, "Account number"}),
        ("nothing like it", set()),
        (EVIL, set()),
    ],
)
def test_the_list_is_searched(viewer, sought, found):
    answer = viewer.get(TAB, query_string={"q": sought})

    names = {name for name in (VIP, BALANCE, "Account number") if f">{name}</a>" in answer.text}
    assert names == found
    assert EVIL not in answer.text


def test_the_list_says_what_each_rule_does_and_what_uses_it(viewer):
    text = text_of(viewer.get(TAB))

    assert "Gold → vip · Silver → 801 · Bronze → bronze-offer.wav · otherwise general" in text
    assert "Contacts.Tier" in text
    assert "key 2 of IVR 801 Main menu" in text


def test_a_viewer_reads_everything_and_changes_nothing(viewer, editor, app):
    for rule in drafted(app).rules:
        url = place_of(app, Rule, rule.name)
        theirs, ours = opened(editor, url), opened(viewer, url)

        assert all(one.readonly for one in ours.shown())
        assert ours.pressable == []
        outside = ("try",)
        seen = [(one.title, one.value) for one in theirs.shown() if one.name not in outside]
        assert [(one.title, one.value) for one in ours.shown()] == seen
        assert not {"Duplicate", "Delete", "New rule"} & set(text_of(viewer.get(url)).split())


def test_a_viewer_finds_no_button_in_the_list(viewer):
    text = text_of(viewer.get(TAB))

    assert not {"New", "Edit", "Duplicate", "Delete"} & set(text.split())


# In words


def words(client: FlaskClient, **typed) -> list[str]:
    page = Page(send(client, NEW, do="reshape", **typed).text)
    answer = client.post(WORDS, data=page.data())
    assert answer.status_code == 200
    sentences = re.findall("<li>(.*?)</li>", answer.text, re.DOTALL)
    return [re.sub("</?strong>", "", sentence) for sentence in sentences]


def test_a_form_says_itself_while_it_is_half_filled(editor):
    assert words(editor, field="Tier", conditions__0__value="Gold") == [
        "When a call comes to this rule, look up the caller by their number in Contacts of "
        "Directory.",
        "If Tier is Gold → Queue …",
        "Otherwise → Queue general.",
        "Not found, several found or withheld → Queue general.",
        "CRM failed → what it said up to 1 hour ago, else Queue general.",
        "The CRM is asked anew for each call.",
    ]


def test_a_rule_in_use_says_so_under_its_new_name_too(editor, app):
    url = place_of(app, Rule, VIP)
    data = opened(editor, url).data()

    for name in (VIP, "Gold customers"):
        data["name"] = name
        answer = editor.post(WORDS, data=data)
        assert "When somebody calls <strong>Sales</strong>, look them up by" in answer.text


def test_hostile_names_come_back_escaped(editor):
    typed = {
        "name": EVIL,
        "field": EVIL,
        "module": EVIL,
        "conditions__0__value": EVIL,
        "conditions__0__destination__kind": "queue",
        "conditions__0__destination__queue": EVIL,
        "failed__kind": "dial",
        "failed__dial": EVIL,
    }

    page = send(editor, NEW, do="reshape", **typed)
    answer = editor.post(WORDS, data=Page(page.text).data())

    for shown in (page, answer):
        assert "<script>alert" not in shown.text
        assert str(escape(EVIL, quote=False))[:10] in shown.text
    assert answer.text.count("&lt;script&gt;") >= 4


NAMES = st.sampled_from(
    [
        *("id", "version", "name", "field", "location", "find_by", "search_field", "budget"),
        *("greeting-text", "greeting-recording", "voice-voice", "crm", "module", "url"),
        *("username", "password", "header_name", "header_value", "conditions", "conditions-do"),
        *("conditions-0", "conditions-0-operator", "conditions-0-value", "conditions-0-value_to"),
        *("conditions-0-values", "conditions-1-destination-kind", "conditions-²-value"),
        *("conditions-1-destination-dial", f"conditions-{'9' * 5000}-value", "conditions--1-value"),
        *("conditions-999999-operator", "failed-kind", "failed-dial", "after_recording-kind"),
        "do",
    ]
)
VALUES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            *("", "0", "1", "-1", "9" * 30, "9" * 5000, "x" * 20000, "\0", "IVR", "DID", "digits"),
            *(
                "shared:directory",
                "shared:x",
                "own:custom",
                "own:directory",
                "own:",
                "menu",
                "dial",
            ),
            *("rule", "queue", "between", "is one of", "is empty", "https://[", "https://x:99999"),
            *("1e999999999999", "-1e9999999999", "sNaN", "Infinity", "remove:0", "up:9", "add"),
            *("https://\ud7ff.example", "sip:x@y", "+12025550101", "٣", "²"),
        ]
    ),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=st.lists(st.tuples(NAMES, VALUES), max_size=15))
def test_whatever_is_posted_it_never_fails(posting, pairs):
    posting(MultiDict(pairs))


@pytest.fixture
def posting(app, editor):
    """Post fields to the words and to the form shaped anew; our own faults come through."""
    token = csrf(editor, NEW)
    used = [WORDS, NEW, place_of(app, Rule, VIP)]

    def post_all(fields: MultiDict[str, str]) -> None:
        for url in used:
            data = fields.copy()
            data["csrf_token"] = token
            if url != WORDS and data.get("do") != "try":
                data["do"] = "reshape"
            assert editor.post(url, data=data).status_code in (200, 422)

    return post_all


# Try it


def tried(answer) -> str:
    assert answer.status_code == 200
    found = re.search(r'<div id="told"[^>]*>(.*?)</div>', answer.text, re.DOTALL)
    return " ".join(re.sub("<[^>]+>", " ", found[1]).split())


@pytest.mark.parametrize(
    ("number", "parts"),
    [
        ("+12025550101", ["1 found in", "Tier is “Gold”.", "✓ = Gold held", "→ Queue vip in"]),
        ("(202) 555-0103", ["1 found in", "✓ = Bronze held", "→ Play bronze-offer.wav"]),
        ("+12025550199", ["none found in", "“not found”", "→ Queue general"]),
        ("+12025550105", ["2 found in", "“several found”"]),
    ],
)
def test_a_rule_is_tried_as_the_crm_answers(editor, app, number, parts):
    text = tried(send(editor, place_of(app, Rule, VIP), do="try", **{"try": number}))

    for part in parts:
        assert part in text


@pytest.mark.parametrize("number", ["", "anonymous", "12", "Ada", "+", EVIL, "9" * 5000])
def test_what_is_no_number_is_said_to_be_none(editor, app, number):
    answer = send(editor, place_of(app, Rule, VIP), do="try", **{"try": number})

    assert tried(answer) == "▲ Type a phone number, e.g. +12025550101."
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize(
    ("typed", "part"),
    [
        ("1001", "→ Queue vip"),
        ("4711", "none found"),
        ("", "Type the digits, e.g. 1001."),
        ("10a", "Type the digits, e.g. 1001."),
        ("１００１", "Type the digits, e.g. 1001."),
    ],
)
def test_digits_are_tried_too(editor, app, typed, part):
    text = tried(send(editor, place_of(app, Rule, "Account number"), do="try", **{"try": typed}))

    assert part in text


def test_a_rule_is_tried_as_it_stands_in_the_form(editor, app, instance):
    before = content(app)
    journal = sorted((instance / "journal").rglob("*"))
    url = place_of(app, Rule, VIP)

    answer = send(
        editor,
        url,
        do="try",
        field="Balance",
        conditions__0__operator=">",
        conditions__0__value="1000",
        conditions__0__destination__queue="billing",
        **{"try": "+12025550101"},
    )

    assert "→ Queue billing" in tried(answer)
    assert Page(answer.text)["field"].value == "Balance"
    assert content(app) == before
    assert sorted((instance / "journal").rglob("*")) == journal


def test_a_new_rule_is_tried_before_it_is_saved(editor, app):
    before = content(app)

    answer = send(editor, NEW, do="try", **FILLED | {"try": "+12025550101"})

    assert "→ Queue vip" in tried(answer)
    assert content(app) == before


def test_what_is_missing_is_said_before_the_crm_is_asked(editor):
    answer = send(editor, NEW, do="try", **{"try": "+12025550101"})

    assert answer.status_code == 422
    assert "name" in Page(answer.text).errors()


def test_nobody_tries_or_saves_who_may_only_look(viewer, app, editor):
    url = place_of(app, Rule, VIP)
    page = opened(editor, url)
    before = content(app)

    for do in ("try", "save", "publish", "reshape"):
        data = page.data() | {"csrf_token": csrf(viewer, "/admin/account"), "do": do}
        assert viewer.post(url, data=data).status_code == 403
    assert viewer.post(WORDS, data=data).status_code == 403
    assert browser(app).post(WORDS).status_code == 303  # to sign in
    assert content(app) == before
