"""The page of a CRM rule, to the letter: its labels, their order, and what has to be filled in."""

import pytest

from tests.settings.forms import Page, drafted, keep, opened, place_of, rule_of, send
from tests.settings.services import STAND_INS
from voiceapp.crm.registry import KINDS
from voiceapp.rules.operators import OPERANDS, Operator
from voiceapp.rules.plan import Integration
from voiceapp.rules.rule import DestinationKind, Rule

DATABASES = ("sqlite",)
NEW = "/admin/routing/new"
THEN = "If nobody is found in Contacts"
GENERAL_TAB, CRM_TAB, SETUP_TAB = "General", "CRM Settings", "Rule setup"
ROW = ["Operator", "Value", "and", "Values, one per line", "Destination", "Destination Option"]
ODOO = Integration(
    key="odoo",
    name="Odoo of the shop",
    kind="full",
    url="https://odoo.example:8443/hidden-path?key=hush",
    options={"username": "ada@example.com"},
)
FILLED = {
    "name": "Shop customers",
    "field": "Tier",
    "conditions__0__value": "Gold",
    "conditions__0__destination__kind": "queue",
    "conditions__0__destination__queue": "vip",
}
OWN = {
    "crm": "own:full",
    "module": "Leads",
    "username": "ada@example.com",
    "password": "hush",
    "url": "https://odoo.example/",
}
CUSTOM = {"crm": "own:custom", "url": "https://shop.example/find"}


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch):
    for key, kind in STAND_INS.items():
        monkeypatch.setitem(KINDS, key, kind)


@pytest.fixture
def editor(signed_in):
    return signed_in("editor")


def reshaped(client, **typed) -> Page:
    """Return the page of a new rule after something was chosen that shapes it anew."""
    answer = send(client, NEW, do="reshape", **typed)
    assert answer.status_code == 200
    return Page(answer.text)


def test_general_for_a_did(editor):
    page = opened(editor, NEW)

    assert page.titles(GENERAL_TAB) == ["Rule Name", "CRM Field Name", "Location"]
    assert page.titles(GENERAL_TAB, required=True) == page.titles(GENERAL_TAB)


def test_general_for_an_ivr(editor):
    page = reshaped(editor, location="IVR")

    assert page.titles(GENERAL_TAB) == [
        "Rule Name",
        "CRM Field Name",
        "Location",
        "Greeting Instructions",
        "Find the caller by",
        "Voice",
    ]
    assert page.titles(GENERAL_TAB, required=True) == [
        "Rule Name",
        "CRM Field Name",
        "Location",
        "Find the caller by",
    ]


def test_general_where_callers_key_in_digits(editor):
    page = reshaped(editor, location="IVR", find_by="digits")

    assert page.titles(GENERAL_TAB, required=True) == [
        "Rule Name",
        "CRM Field Name",
        "Location",
        "Greeting Instructions",
        "Find the caller by",
        "Field to search",
    ]


def test_the_panels_stand_in_the_clients_order(editor):
    page = opened(editor, NEW)

    panels = list(dict.fromkeys(one.panel for one in page.shown()))
    assert panels[:3] == [GENERAL_TAB, CRM_TAB, SETUP_TAB]


def test_rule_setup_has_its_fields_in_rows(editor):
    page = opened(editor, NEW)

    assert page.titles(SETUP_TAB) == ROW
    assert page.titles(SETUP_TAB, required=True) == ROW
    assert [text for _, text in page["conditions-0-operator"].options] == list(Operator)


@pytest.mark.parametrize(
    ("crm", "titles"),
    [
        (
            "own:full",
            ["CRM To Use", "CRM Modules", "CRM Username", "CRM Password", "CRM URL"],
        ),
        ("own:token", ["CRM To Use", "CRM Modules", "CRM Password", "CRM URL"]),
        ("own:open", ["CRM To Use", "CRM Modules", "CRM Username", "CRM URL"]),
        ("own:custom", ["CRM To Use", "CRM URL"]),
    ],
)
def test_crm_settings_of_its_own(editor, crm, titles):
    page = reshaped(editor, crm=crm)

    assert page.titles(CRM_TAB, required=True) == titles
    optional = dict.fromkeys(one for one in page.titles(CRM_TAB) if one not in titles)
    is_custom = crm == "own:custom"
    more = [THEN] if crm == "own:full" else []  # the others have one module
    assert list(optional) == (["Header name", "Header value"] if is_custom else more)


def test_crm_settings_of_a_shared_integration_are_shown_and_not_typed(editor, app):
    keep(app, ODOO)

    page = reshaped(editor, crm="shared:odoo")

    assert page.titles(CRM_TAB) == ["CRM To Use", "CRM Modules", THEN]
    assert page.titles(CRM_TAB, required=True) == ["CRM To Use", "CRM Modules"]
    assert page.facts == {
        "CRM Username": "ada@example.com",
        "CRM Password": "as set up under Integrations",
        "CRM URL": "odoo.example:8443",
    }


@pytest.mark.parametrize("url", ["https://odoo.example?key=hush", "https://odoo.example/hush"])
def test_of_a_shared_address_only_the_host_is_shown(editor, app, url):
    keep(app, Integration("odoo", "Odoo", "full", url))

    answer = send(editor, NEW, do="reshape", crm="shared:odoo")

    assert Page(answer.text).facts["CRM URL"] == "odoo.example"
    assert "hush" not in answer.text


def test_the_directory_has_modules_and_nothing_else(editor):
    page = reshaped(editor, crm="shared:directory")

    assert page.titles(CRM_TAB) == ["CRM To Use", "CRM Modules", THEN]
    assert [value for value, _ in page["module"].options] == ["Contacts", "Leads", "Accounts"]


def test_what_can_be_used_is_offered(editor, app):
    keep(app, ODOO)

    options = opened(editor, NEW)["crm"].options
    assert options[:2] == [("shared:directory", "Directory"), ("shared:odoo", "Odoo of the shop")]
    assert options[-1] == ("own:custom", "Custom URL")
    assert ("own:full", "Odoo, own settings") in options
    assert ("own:token", "Tokens, own settings") in options
    assert len(options) == 2 + len(KINDS) - 1


@pytest.mark.parametrize("blank", ["", "   "])
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("name", "Type a name, e.g. VIP customers."),
        ("field", "Type the field to compare, e.g. Tier."),
        ("crm", "Choose the CRM to ask."),
        ("module", "Choose the module to search."),
        ("username", "Type the E-mail."),
        ("url", "Type the address. It begins with https://."),
        ("conditions-0-value", "Type a value to compare with, or choose “is empty”."),
        ("conditions-0-destination-kind", "Choose where the call goes."),
        ("conditions-0-destination-queue", "Choose which queue."),
        ("no_condition-kind", "Choose where the call goes."),
        ("not_found-kind", "Choose where the call goes."),
        ("several-kind", "Choose where the call goes."),
        ("withheld-kind", "Choose where the call goes."),
        ("failed-kind", "Choose where the call goes."),
        ("after_recording-kind", "Choose where the call goes."),
        ("budget", "Type the seconds that the CRM has, e.g. 3."),
    ],
)
def test_what_is_left_blank_is_asked_for_beside_its_field(editor, app, name, sentence, blank):
    before = drafted(app)
    typed = FILLED | OWN | {name.replace("-", "__"): blank}

    answer = send(editor, NEW, reshaped(editor, crm="own:full"), **typed)

    page = Page(answer.text)
    assert answer.status_code == 422
    assert page.errors()[name] == sentence
    assert page.wrong() == {sentence}
    assert drafted(app) == before


@pytest.mark.parametrize("crm", ["own:full", "own:token"])
def test_the_password_is_asked_for_where_the_crm_has_one(editor, app, crm):
    typed = FILLED | OWN | {"crm": crm, "password": ""}

    answer = send(editor, NEW, reshaped(editor, crm=crm), **typed)

    assert answer.status_code == 422
    label = KINDS[crm.removeprefix("own:")].ask("password").label
    assert Page(answer.text).errors() == {"password": f"Type the {label}."}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("greeting-text", "Type what asks the caller for the digits."),
        ("search_field", "Type the field, e.g. AccountNo."),
        ("nothing_keyed-kind", "Choose where the call goes."),
    ],
)
def test_what_digits_need_is_asked_for(editor, name, sentence):
    page = reshaped(editor, location="IVR", find_by="digits")
    typed = FILLED | {"greeting__text": "Key it in.", "search_field": "AccountNo"}

    assert send(editor, NEW, page, **typed).status_code == 303
    answer = send(editor, NEW, page, **typed | {"name": "Other", name.replace("-", "__"): ""})

    assert answer.status_code == 422
    assert Page(answer.text).errors()[name] == sentence


def test_a_greeting_is_up_to_the_admin_where_nothing_is_keyed_in(editor, app):
    page = reshaped(editor, location="IVR")

    assert send(editor, NEW, page, **FILLED).status_code == 303
    assert not rule_of(app, "Shop customers").greeting


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("http://odoo.example/", "https://"),
        ("odoo.example", "https://"),
        ("ftp://odoo.example/", "https://"),
        ("https://", "host"),
        ("https://me:hush@odoo.example/", "User name"),
        ("https://odoo.example:0/", "port"),
        ("https://" + "a" * 300 + ".example/", "host"),
    ],
)
def test_an_address_that_can_never_be_asked_is_refused(editor, url, part):
    answer = send(editor, NEW, reshaped(editor, crm="own:full"), **FILLED | OWN | {"url": url})

    assert answer.status_code == 422
    assert part in Page(answer.text).errors()["url"]


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ({"header_name": "X Key", "header_value": "hush"}, "header_name"),
        ({"header_name": "Host", "header_value": "hush"}, "header_name"),
        ({"header_name": "", "header_value": "hush"}, "header_name"),
        ({"header_name": "X-Key", "header_value": ""}, "header_value"),
        ({"header_name": "X-Key", "header_value": "hush\r\nX-Other: 1"}, "header_value"),
        ({"header_name": "X-Key", "header_value": "hüsh"}, "header_value"),
        ({"header_name": "X-Key", "header_value": " hush"}, "header_value"),
    ],
)
def test_a_header_that_can_never_be_sent_is_refused(editor, typed, name):
    page = reshaped(editor, crm="own:custom")

    answer = send(editor, NEW, page, **FILLED | CUSTOM | typed)

    assert answer.status_code == 422
    assert list(Page(answer.text).errors()) == [name]
    assert "hush" not in answer.text


def test_own_settings_make_an_integration_that_belongs_to_the_rule(editor, app):
    page = reshaped(editor, crm="own:full")

    assert send(editor, NEW, page, **FILLED | OWN).status_code == 303

    rule = rule_of(app, "Shop customers")
    [own] = [one for one in drafted(app).integrations if one.is_private]
    assert own == Integration(
        key=rule.integration,
        name="Odoo",
        kind="full",
        url="https://odoo.example/",
        options={"username": "ada@example.com"},
        is_private=True,
    )
    assert rule.module == "Leads"


def test_a_custom_url_knows_no_module(editor, app):
    page = reshaped(editor, crm="own:custom")

    send(editor, NEW, page, **FILLED | CUSTOM | {"module": "Leads"})

    assert rule_of(app, "Shop customers").module == ""


def test_another_choice_lets_go_of_the_rules_own_integration(editor, app):
    send(editor, NEW, reshaped(editor, crm="own:custom"), **FILLED | CUSTOM)
    url = place_of(app, Rule, "Shop customers")
    [first] = [one.key for one in drafted(app).integrations if one.is_private]

    page = Page(send(editor, url, do="reshape", crm=OWN["crm"]).text)
    send(editor, url, page, **OWN)
    [second] = [one.key for one in drafted(app).integrations if one.is_private]
    send(editor, url, crm="shared:directory", module="Contacts")

    assert second != first  # another kind of CRM, another key, no secret of the first
    assert not [one for one in drafted(app).integrations if one.is_private]


def test_a_field_that_does_not_apply_keeps_what_was_typed(editor):
    page = reshaped(editor, **FILLED | OWN)
    for typed in ({"crm": "shared:directory"}, {"location": "IVR"}, {"crm": "own:full"}):
        page = Page(send(editor, NEW, page, do="reshape", **typed).text)

    assert [page[name].value for name in ("username", "url", "module")] == [
        OWN["username"],
        OWN["url"],
        OWN["module"],
    ]
    assert page["password"].value == ""  # a secret is never shown again


def test_a_greeting_that_is_not_seen_is_not_judged(editor):
    page = reshaped(editor, location="IVR")
    both = {"greeting__text": "Hello", "greeting__recording": "thank-you.wav"}
    page = Page(send(editor, NEW, page, do="reshape", location="DID", **FILLED | both).text)

    assert send(editor, NEW, page).status_code == 303


def typed_for(operator: Operator) -> dict[str, str]:
    least, most = OPERANDS[operator]
    if most is None:
        return {"values": "Gold\r\n\r\n Silver \r\nBronze"}
    return dict(zip(("value", "value_to")[:least], ("10", "20"), strict=False))


@pytest.mark.parametrize("operator", Operator)
def test_each_operator_is_saved_and_comes_back(editor, app, operator):
    typed = {f"conditions__0__{name}": text for name, text in typed_for(operator).items()}
    cleared = {f"conditions__0__{name}": "" for name in ("value", "value_to", "values")}

    answer = send(
        editor, NEW, **FILLED | cleared | typed | {"conditions__0__operator": operator.value}
    )

    assert answer.status_code == 303
    [condition] = rule_of(app, "Shop customers").conditions
    least, most = OPERANDS[operator]
    assert condition.operator is operator
    assert condition.values == (
        ("Gold", "Silver", "Bronze") if most is None else ("10", "20")[:least]
    )
    page = opened(editor, answer.location)
    assert page["conditions-0-operator"].value == operator
    shown = [page[f"conditions-0-{name}"].value for name in ("value", "value_to", "values")]
    assert [text for text in "\n".join(shown).split("\n") if text] == list(condition.values)


@pytest.mark.parametrize(
    ("operator", "typed", "name", "sentence"),
    [
        (
            "between",
            {"value": "1"},
            "conditions-0-value_to",
            "Type the value up to which it holds.",
        ),
        (
            "between",
            {"value_to": "1"},
            "conditions-0-value",
            "Type a value to compare with, or choose “is empty”.",
        ),
        ("is one of", {"value": "1"}, "conditions-0-values", "Type the values, one per line."),
        ("is one of", {"values": "\n "}, "conditions-0-values", "Type the values, one per line."),
        ("=", {"value": "x" * 501}, "conditions-0-value", "Use at most 500 characters."),
        (
            "is one of",
            {"values": "a\n" + "x" * 501},
            "conditions-0-values",
            "Use at most 500 characters.",
        ),
        ("!=", {"value": "1"}, "conditions-0-operator", "Choose one of the list."),
    ],
)
def test_an_operator_gets_the_values_it_needs(editor, operator, typed, name, sentence):
    typed = {"value": "", "operator": operator} | typed
    answer = send(
        editor,
        NEW,
        **FILLED | {f"conditions__0__{name}": text for name, text in typed.items()},
    )

    assert answer.status_code == 422
    assert Page(answer.text).errors() == {name: sentence}


def test_what_an_operator_does_not_use_is_not_judged(editor):
    unused = {"conditions__0__value_to": "x" * 501, "conditions__0__values": "x" * 501}

    assert send(editor, NEW, **FILLED | unused).status_code == 303


def row_values(page: Page) -> list[str]:
    return [one.value for one in page.inputs if one.title == "Value"]


def test_rows_are_added_removed_and_moved_without_saving(editor, app):
    url = place_of(app, Rule, "VIP customers")
    before = drafted(app)
    page = opened(editor, url)
    seen = [row_values(page)]
    for press in ("down:0", "up:2", "remove:0", "add"):
        answer = send(editor, url, page, do="", name="Typed", conditions__do=press)
        assert answer.status_code == 200
        page = Page(answer.text)
        assert page["name"].value == "Typed"
        assert not page.wrong()
        seen.append(row_values(page))

    assert seen == [
        ["Gold", "Silver", "Bronze"],
        ["Silver", "Gold", "Bronze"],
        ["Silver", "Bronze", "Gold"],
        ["Bronze", "Gold"],
        ["Bronze", "Gold", ""],
    ]
    assert page["conditions-0-destination-recording"].value == "bronze-offer.wav"
    assert drafted(app) == before


def test_nothing_typed_is_lost_when_a_row_is_added(editor):
    typed = FILLED | {
        "location": "IVR",
        "find_by": "digits",
        "greeting__text": "First line\r\nSecond line",
        "search_field": "AccountNo",
        "budget": "nonsense",
        "conditions__0__operator": "is one of",
        "conditions__0__values": "a\r\nb",
        "conditions__0__value": "kept",
        "conditions__0__value_to": "kept too",
        "failed__kind": "dial",
        "failed__dial": "no number",
    }
    page = reshaped(editor, **typed)

    answer = send(editor, NEW, page, do="", conditions__do="add")

    after = Page(answer.text).data()
    for name, value in page.data().items(multi=True):
        assert name == "csrf_token" or after.get(name) == value, name  # that one has the time in it
    for name, value in typed.items():
        assert after[name.replace("__", "-")].replace("\r\n", "\n") == value.replace("\r\n", "\n")


def test_a_rule_has_at_least_one_condition(editor):
    page = Page(send(editor, NEW, do="", conditions__do="remove:0", **FILLED).text)

    answer = send(editor, NEW, page)

    assert answer.status_code == 422
    assert Page(answer.text).wrong() == {"Add at least one condition."}


def test_conditions_are_saved_in_their_order(editor, app):
    url = place_of(app, Rule, "VIP customers")
    page = Page(send(editor, url, do="", conditions__do="down:0").text)

    send(editor, url, page)

    rule = rule_of(app, "VIP customers")
    assert [one.values for one in rule.conditions] == [("Silver",), ("Gold",), ("Bronze",)]
    assert rule.conditions[2].destination.kind is DestinationKind.RECORDING


@pytest.mark.parametrize(
    "budget",
    ["0.4", "8.1", "-1", "1e0", "NaN", "Infinity", "1_0", "٣", "1e9999999999", "9" * 150, "3 s"],
)
def test_a_budget_that_nobody_can_wait_is_refused(editor, budget):
    answer = send(editor, NEW, **FILLED | {"budget": budget})

    assert answer.status_code == 422
    assert list(Page(answer.text).errors()) == ["budget"]


@pytest.mark.parametrize(("typed", "shown"), [("0.5", "0.5"), ("8", "8"), ("2,50", "2.5")])
def test_a_budget_is_kept_as_seconds(editor, typed, shown):
    answer = send(editor, NEW, **FILLED | {"budget": typed})

    assert opened(editor, answer.location)["budget"].value == shown
