"""A stored secret goes only to the host it was saved with, and is shown to nobody."""

import html
import re
from itertools import count
from uuid import uuid4

import pytest
from sqlalchemy import select

from tests.conftest import poster
from tests.crm.conftest import to_this_machine
from tests.settings.forms import Page, drafted, keep, opened, place_of, rule_of, send
from tests.settings.routes import content
from tests.settings.services import STAND_INS, serving
from voiceapp.crm.contract import CrmBadAnswer
from voiceapp.crm.kind import HEADER_NAME, header_slot
from voiceapp.crm.registry import KINDS
from voiceapp.extensions import db
from voiceapp.models.integrations import Credential
from voiceapp.routing import draft, releases
from voiceapp.rules.plan import Did, Integration
from voiceapp.rules.rule import Destination, DestinationKind, Rule
from voiceapp.runtime import runtime
from voiceapp.vault import origin

DATABASES = ("sqlite",)  # what is tested here is no matter of rows

NEW = "/admin/routing/new"
RULE, SHOP, ADA = "Shop customers", "+12025550183", "+12025550101"
SECRET, OTHER = "hush-hush-4711", "another-hush-0815"
FILLED = {
    "name": RULE,
    "field": "Tier",
    "conditions__0__value": "Gold",
    "conditions__0__destination__kind": "queue",
    "conditions__0__destination__queue": "vip",
}
KEPT = {"crm": "own:custom", "header_name": "X-Api-Key", "header_value": SECRET}


@pytest.fixture
def service(tmp_path):
    with serving(tmp_path) as service:
        yield service


@pytest.fixture
def app(make_app, service):
    return make_app(service.settings, resolve=to_this_machine)


@pytest.fixture
def editor(signed_in):
    return signed_in("editor")


@pytest.fixture
def url(app, editor, service):
    """The page of a rule that has a secret for the service and is live, asked by the shop's DID."""
    page = Page(send(editor, NEW, do="reshape", crm="own:custom").text)
    answer = send(editor, NEW, page, **FILLED | KEPT | {"url": service.url()})
    assert answer.status_code == 303
    keep(app, Did(SHOP, "Shop", Destination(DestinationKind.RULE, RULE)))
    publish(app)
    return answer.location


def publish(app) -> int:
    with app.app_context():
        return releases.publish(db.session(), "test")


def call(app) -> str:
    """Call the shop, from a number that nobody remembers, and return the answer."""
    with app.app_context():
        runtime().live.refresh()
    caller = f"+1202556{next(_callers):04}"
    return poster(app)("/twiml/did", CallSid=f"CA{uuid4().hex}", From=caller, To=SHOP).text


_callers = count()


def refused(answer, *names: str) -> None:
    """See that nothing was done, and that the secret has to be typed."""
    assert answer.status_code == 422
    assert tuple(Page(answer.text).errors()) == names
    assert SECRET not in answer.text


def shared(app, service) -> None:
    """Set up a shared integration with the secret."""
    one = Integration("shop", "Shop", "custom", service.url(), {HEADER_NAME: "X-Api-Key"})
    keep(app, one)
    with app.app_context():
        sealed = runtime().vault.seal({header_slot("X-Api-Key"): SECRET})
        db.session.add(Credential(integration="shop", origin=origin(one.url), secrets=sealed))
        db.session.commit()


# What an editor might try


@pytest.mark.parametrize("do", ["save", "publish", "try"])
@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("crm.test:{port}", "evil.test:{port}", "header_value"),
        ("crm.test:{port}", "crm.test.evil.test:{port}", "header_value"),
        ("crm.test:{port}", "xn--crm-hoa.test:{port}", "header_value"),
        ("crm.test:{port}", "ćrm.test:{port}", "header_value"),
        ("crm.test:{port}", "crm.test:{other}", "header_value"),
        ("crm.test:{port}", "crm.test", "header_value"),
        ("crm.test:{port}", "crm.test.:{port}", "header_value"),
        ("crm.test:{port}", "evil.test\\.crm.test:{port}", "header_value"),
        ("https://", "http://", "url"),
        ("https://", "https://crm.test@evil.test:{port}/?", "url"),
        ("https://", "https://me:me@", "url"),
        ("https://", "https://evil.test:{port}\\@", "url"),
        ("https://", "https:\\\\evil.test:{port}\\", "url"),
    ],
)
def test_another_host_scheme_or_port_wants_the_secret_typed_again(
    app, editor, service, url, old, new, name, do
):
    ports = {"port": service.server.port, "other": service.other.port}
    moved = service.url().replace(old.format(**ports), new.format(**ports))
    assert moved != service.url()
    before = content(app)

    answer = send(editor, url, do=do, url=moved, **{"try": ADA})

    assert answer.status_code == 422
    assert name in Page(answer.text).errors()
    assert service.visits == []
    assert content(app) == before


@pytest.mark.parametrize("moved", ["/elsewhere?key=1", "", "?q={caller}"])
def test_another_path_keeps_the_secret(app, editor, service, url, moved):
    answer = send(editor, url, do="try", url=service.url(moved), **{"try": ADA})
    saved = send(editor, url, url=service.url(moved))

    assert answer.status_code == 200
    assert saved.status_code == 303
    [visit] = service.visits
    assert visit.headers["x-api-key"] == SECRET


@pytest.mark.parametrize("spelled", ["HTTPS://CRM.TEST:{}/find", "https://Crm.Test:{}/find"])
def test_the_same_host_in_other_letters_is_the_same(app, editor, service, url, spelled):
    answer = send(editor, url, do="try", url=spelled.format(service.server.port), **{"try": ADA})

    assert answer.status_code == 200
    [visit] = service.visits
    assert visit.headers["x-api-key"] == SECRET


def test_a_blank_secret_keeps_the_old_one(app, editor, service, url):
    assert send(editor, url, name="Renamed").status_code == 303
    publish(app)

    call(app)

    assert service.visits[0].headers["x-api-key"] == SECRET


def test_another_kind_of_crm_gets_nothing_of_it(app, editor, service, url, monkeypatch):
    for key, kind in STAND_INS.items():
        monkeypatch.setitem(KINDS, key, kind)
    typed = {"crm": "own:token", "module": "People", "url": service.url()}

    page = Page(send(editor, url, do="reshape", crm="own:token").text)
    for do in ("save", "try"):
        refused(send(editor, url, page, do=do, **typed, **{"try": ADA}), "password")
    # one that needs no password is asked, and gets none
    typed["crm"], typed["username"] = "own:open", "ada"
    page = Page(send(editor, url, do="reshape", crm="own:open").text)
    answer = send(editor, url, page, do="try", **typed, **{"try": ADA})

    assert answer.status_code == 200
    assert service.visits
    assert SECRET not in service.received()


def test_a_copy_has_no_secret(app, editor, service, url):
    copy = f"{NEW}?copy={url.rpartition('/')[2]}"
    page = opened(editor, copy)

    for do in ("save", "try"):
        refused(send(editor, NEW, page, do=do, **{"try": ADA}), "header_value")

    assert page["header_name"].value == "X-Api-Key"
    assert page["header_value"].value == ""
    assert service.visits == []


@pytest.mark.parametrize("target", [NEW, "/admin/routing/{vip}"])
def test_the_key_of_another_integration_is_no_way_to_its_secret(app, editor, service, url, target):
    shared(app, service)
    target = target.format(vip=place_of(app, Rule, "VIP customers").rpartition("/")[2])
    private = rule_of(app, RULE).integration
    page = Page(send(editor, target, do="reshape", **FILLED | {"crm": "own:custom"}).text)
    aside = {"name": "Mine", "url": service.url(), "header_name": "X-Api-Key"}
    forged = {
        "own": private,
        "integration": private,
        "key": private,
        "id": url.rpartition("/")[2],
        "kept": origin(service.url()),
    }

    for crm in (f"shared:{private}", f"own:{private}", private, "shared:", "own:", "own:directory"):
        for do in ("save", "try"):
            answer = send(editor, target, page, do=do, **aside, **forged | {"crm": crm, "try": ADA})
            refused(answer, "crm")
    for do in ("save", "try"):
        answer = send(editor, target, page, do=do, **aside, **forged | {"try": ADA})
        refused(answer, "header_value")

    assert service.visits == []


def test_a_shared_secret_goes_only_to_the_shared_address(app, editor, service):
    shared(app, service)
    page = Page(send(editor, NEW, do="reshape", crm="shared:shop").text)
    moved = {"url": service.url(host="evil.test"), "header_name": "X-Evil", "try": ADA}

    send(editor, NEW, page, do="try", **FILLED | moved)
    send(editor, NEW, page, **FILLED | moved)

    [visit] = service.visits
    assert visit.headers["host"].startswith("crm.test")
    assert "x-evil" not in visit.headers
    assert drafted(app).integrations[-1].url == service.url()


# Where it might be seen


def addresses(app) -> list[str]:
    """Return every page there is, that of each part and each release included."""
    with app.app_context():
        ids = [str(id_) for id_ in draft.ids(db.session()).values()]
        numbers = [str(one.number) for one in releases.listed(db.session())]
    adapter = app.url_map.bind("calls.example.com")
    found = []
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/admin") and "GET" in (rule.methods or ()):
            values = [*ids, *numbers] if rule.arguments else [""]
            for value in values:
                arguments = dict.fromkeys(rule.arguments, value)
                if "<int" in rule.rule:
                    arguments = {name: int(value) for name in arguments if value.isdigit()}
                if set(arguments) == rule.arguments:
                    found.append(adapter.build(rule.endpoint, arguments))
    return found


@pytest.mark.parametrize("role", ["viewer", "editor", "admin"])
def test_it_is_in_no_page(app, signed_in, editor, service, url, role):
    shared(app, service)
    call(app)
    send(editor, url, field="Changed")
    client = signed_in(role)

    seen = 0
    for address in [*addresses(app), f"{NEW}?copy={url.rpartition('/')[2]}"]:
        answer = client.get(address)
        assert answer.status_code in (200, 303, 403, 404, 410), address
        assert SECRET.encode() not in answer.data, address
        seen += answer.status_code == 200
    assert seen > 20


def test_it_is_nowhere_but_encrypted(app, editor, service, url, instance, caplog):
    caplog.set_level("DEBUG")
    for status in (200, 401, 500):
        body = f'{{"Tier": "{SECRET}"}}'.encode()
        service.server.behaviour = lambda visit, status=status, body=body: visit.answer(
            body, status
        )
        call(app)
        send(editor, url, do="try", **{"try": ADA})
    send(editor, url, header_value=OTHER, field="Changed")
    call(app)

    files = [path for path in instance.rglob("*") if path.is_file()]
    assert {"live.json"} <= {path.name for path in files}
    for secret in (SECRET, OTHER):
        assert [path.name for path in files if secret.encode() in path.read_bytes()] == []
        assert secret not in caplog.text
        assert secret not in repr(content(app))
        assert secret not in editor.get("/admin/releases/review").text


ECHOES = {
    "as a text": (SECRET, f'{{"Tier": "{SECRET}"}}'),
    "within a text": (SECRET, f'{{"Tier": "Gold {SECRET}!"}}'),
    "in capitals": (SECRET, f'{{"Tier": "{SECRET.upper()}"}}'),
    "in a list": (SECRET, f'{{"Tier": ["Gold", "{SECRET}"]}}'),
    "as a number": ("47110815", '{"Tier": 47110815}'),
    "without its scheme": (f"Bearer {SECRET}", f'{{"Tier": "{SECRET}"}}'),
}


@pytest.mark.parametrize(("secret", "body"), ECHOES.values(), ids=ECHOES)
def test_an_answer_that_repeats_it_is_refused(app, editor, service, url, secret, body, instance):
    service.server.behaviour = lambda visit: visit.answer(body.encode())
    send(editor, url, header_value=secret)
    bare = secret.removeprefix("Bearer ")

    tried = send(editor, url, do="try", **{"try": ADA})
    heard = call(app)

    assert "repeats the secret" in tried.text
    assert CrmBadAnswer.advice in html.unescape(tried.text)
    journal = [path.read_text() for path in (instance / "journal").rglob("*.jsonl")]
    assert "repeats the secret" in "".join(journal)
    for text in (tried.text, heard, *journal):
        assert bare.lower() not in text.lower()


# What is live goes on


def test_a_secret_saved_again_counts_at_once(app, editor, service, url):
    call(app)
    send(editor, url, header_value=OTHER)

    call(app)

    assert [visit.headers["x-api-key"] for visit in service.visits] == [SECRET, OTHER]


AT_ONCE = "A new one for this address takes effect at once, without publishing."


def test_a_new_secret_of_calls_says_that_it_counts_at_once(app, editor, service, url):
    assert AT_ONCE in opened(editor, url).text

    for do in ("save", "publish"):
        said = editor.get(send(editor, url, do=do, header_value=f"{OTHER}-{do}").location).text
        assert "The new value of X-Api-Key is used for calls from now on." in said
        assert "Saved as a draft" not in said
        assert "Release 2 is live" in said
    said = editor.get(send(editor, url, field="Level", header_value=SECRET).location).text
    assert "is used for calls from now on." in said
    assert "Saved as a draft." in said


def test_a_secret_for_another_address_says_that_it_waits(app, editor, service, url):
    moved = service.url(host="evil.test")

    answer = send(editor, url, url=moved, header_value=OTHER)
    said = editor.get(answer.location).text

    assert "The new value of X-Api-Key is used once the rule is published." in said
    assert "Saved as a draft." in said
    assert AT_ONCE not in said


def test_a_shared_secret_says_from_when_on_it_counts(app, signed_in, editor, service):
    admin = signed_in("admin")
    shared(app, service)
    publish(app)
    shop = place_of(app, Integration, "shop")

    assert AT_ONCE not in opened(admin, shop).text
    said = admin.get(send(admin, shop, header_value=OTHER).location).text
    waits = "The new value of X-Api-Key is used once it is published and a rule asks this CRM."
    assert waits in said

    page = Page(send(editor, NEW, do="reshape", crm="shared:shop").text)
    send(editor, NEW, page, **FILLED)
    publish(app)
    assert AT_ONCE in opened(admin, shop).text
    said = admin.get(send(admin, shop, header_value=SECRET).location).text
    assert "The new value of X-Api-Key is used for calls from now on." in said


def test_a_draft_for_another_host_leaves_the_live_one_its_secret(app, editor, service, url):
    moved = service.url(host="evil.test")
    assert send(editor, url, url=moved, header_value=OTHER).status_code == 303
    heard = [call(app)]
    publish(app)
    heard.append(call(app))
    with app.app_context():
        releases.roll_back(db.session(), 2, "test")
    heard.append(call(app))

    sent = [
        (visit.headers["host"].partition(":")[0], visit.headers["x-api-key"])
        for visit in service.visits
    ]
    assert sent == [("crm.test", SECRET), ("evil.test", OTHER), ("crm.test", SECRET)]
    assert all(">vip</Enqueue>" in one for one in heard)


def test_a_host_that_wants_no_header_is_asked_without_one(app, editor, service, url):
    moved = {"url": service.url(host="evil.test"), "header_name": ""}

    tried = send(editor, url, do="try", **moved, **{"try": ADA})
    send(editor, url, **moved)
    publish(app)
    heard = call(app)

    assert "Tier is “Gold”." in tried.text
    assert ">vip</Enqueue>" in heard
    assert ["x-api-key" in visit.headers for visit in service.visits] == [False, False]
    refused(send(editor, url, header_name="X-Api-Key"), "header_value")


def test_a_secret_that_can_not_be_opened_any_more_is_typed_again(app, editor, service, url):
    with app.app_context():
        for row in db.session.scalars(select(Credential)):
            row.secrets = "sealed with another key"
        db.session.commit()

    page = opened(editor, url)
    answer = send(editor, url, page)

    assert not re.search("keep the one there is", page.text)
    refused(answer, "header_value")


def test_a_draft_with_another_header_leaves_the_live_one_its_secret(app, editor, service, url):
    send(editor, url, header_name="Authorization", header_value=OTHER)
    call(app)
    publish(app)
    call(app)
    with app.app_context():
        releases.roll_back(db.session(), 2, "test")
    call(app)

    sent = [
        {
            name: visit.headers[name]
            for name in ("x-api-key", "authorization")
            if name in visit.headers
        }
        for visit in service.visits
    ]
    assert sent == [{"x-api-key": SECRET}, {"authorization": OTHER}, {"x-api-key": SECRET}]
