"""The commands about CRMs: what they list, what they find, and what they keep to themselves."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from cryptography.fernet import Fernet
from flask import Flask

from tests.conftest import MakeApp
from tests.crm.conftest import to_this_machine
from tests.wire.hosting import Hosted, hosted
from tests.wire.suitecrm import SuiteCrm
from voiceapp.crm.kind import VERSION
from voiceapp.crm.registry import KINDS
from voiceapp.extensions import db
from voiceapp.models.integrations import Credential
from voiceapp.routing import credentials, draft
from voiceapp.rules.plan import Integration
from voiceapp.runtime import runtime
from voiceapp.vault import Vault

ADA = "+12025550101"
Run = Callable[..., Result]


@pytest.fixture
def suite(tmp_path: Path) -> Iterator[Hosted]:
    crm = SuiteCrm()
    crm.add("Contacts", phone_work="(202) 555-0101", tier_c="Gold")
    with hosted(crm, tmp_path, "/suite/") as suite:
        yield suite


@pytest.fixture
def app(make_app: MakeApp, suite: Hosted) -> Flask:
    """An application with a SuiteCRM set up in its draft."""
    app = make_app(suite.settings, resolve=to_this_machine)
    options = {"username": suite.crm.options["username"], VERSION: "8"}
    integration = Integration("suite", "Our Suite", "suitecrm", suite.url, options)
    with app.app_context():
        draft.save(db.session(), integration, "test")
        secrets = suite.crm.secrets
        credentials.keep(db.session(), runtime().vault, integration, secrets, "test")
        db.session.commit()
    return app


@pytest.fixture
def run(app: Flask) -> Run:
    return lambda *arguments: app.test_cli_runner().invoke(args=arguments)


def test_every_crm_has_a_line(run: Run):
    done = run("crms")

    lines = {line.split()[0]: line for line in done.output.splitlines()}
    assert lines.keys() == KINDS.keys()
    for key, kind in KINDS.items():
        assert kind.title in lines[key]
        assert kind.signs_in in lines[key]
        assert all(module in lines[key] for module in kind.modules)
        assert ("not yet tried" in lines[key]) is not bool(kind.tried)


def test_somebody_is_looked_up_and_every_step_told(run: Run):
    done = run("lookup", "Our Suite", "Contacts", "tier_c", "202 555 0101")

    assert done.exit_code == 0
    assert re.match(r"It works\. Signed in, \d+ modules; found ", done.output)
    assert re.search(r"^Signed in in \d+ ms\.$", done.output, re.MULTILINE)
    assert "It has the modules Contacts, Leads, Accounts" in done.output
    assert "tier_c is “Gold”." in done.output
    assert "The record has “(202) 555-0101”." in done.output
    requests = re.findall(r"200 .* ms  (\w+) https://crm\.test:\d+(\S*)$", done.output, re.M)
    assert ("POST", "/suite/legacy/Api/access_token") in requests
    assert ("GET", "/suite/legacy/Api/V8/module/Contacts") in requests


@pytest.mark.parametrize("name", ["Our Suite", "our suite", "suite"])
def test_with_the_integration_alone_the_connection_is_tested(run: Run, name: str):
    done = run("lookup", name)

    assert done.exit_code == 0
    assert re.match(r"It works\. Signed in, \d+ modules\.\n", done.output)
    assert "It has the modules Contacts, Leads, Accounts" in done.output


def test_half_a_question_is_none(run: Run):
    done = run("lookup", "Our Suite", "Contacts")

    assert done.exit_code == 2
    assert "Type the MODULE, the FIELD and the NUMBER, or none of them." in done.output


def test_where_nothing_can_be_asked_without_a_number_that_is_said(run: Run):
    assert run("lookup", "directory").exit_code == 0
    assert run("lookup", "directory").output.strip()


def test_what_has_no_modules_is_looked_up_in_without_one(run: Run, app: Flask):
    with app.app_context():
        shop = Integration("shop", "Shop", "custom", "https://crm.test/shop")
        draft.save(db.session(), shop, "test")
        db.session.commit()

    assert run("lookup", "Shop").output.startswith("Nothing was asked: it lists no modules.")
    assert "https://crm.test/shop" in run("lookup", "Shop", "", "tier", ADA).output


def test_for_programs_it_is_json(run: Run):
    done = run("lookup", "suite", "Contacts", "tier_c", ADA, "--json")

    told = json.loads(done.output)
    assert told["steps"]
    for step in told.pop("steps"):
        assert step.keys() == {"request", "status", "ms"}
        assert step["status"] == 200
        assert "?" not in step["request"]
    assert told == {
        "outcome": "found",
        "value": "Gold",
        "matched_by": "phone number",
        "records": 1,
    }


@pytest.mark.parametrize(
    ("module", "field", "number", "outcome"),
    [
        ("Contacts", "tier_c", "+12025550199", "not found"),
        ("Leads", "tier_c", ADA, "not found"),
        ("NoSuchModule", "tier_c", ADA, "wrong module or field"),
        ("Contacts", "a'b", ADA, "wrong module or field"),
    ],
)
def test_whatever_it_comes_to_has_a_name(run: Run, module, field, number, outcome):
    done = run("lookup", "Our Suite", module, field, number, "--json")

    assert json.loads(done.stdout)["outcome"] == outcome
    assert done.exit_code == (0 if outcome == "not found" else 1)


def test_wrong_credentials_are_said_with_what_to_do(run: Run, suite: Hosted):
    suite.crm.refuses_signing_in = True

    done = run("lookup", "Our Suite", "Contacts", "tier_c", ADA)
    for_programs = run("lookup", "Our Suite", "Contacts", "tier_c", ADA, "--json")

    assert done.exit_code == 1
    assert done.output.startswith(
        "It does not work: SuiteCRM did not accept the credentials. Type the credentials again"
    )
    assert json.loads(for_programs.stdout)["outcome"] == "credentials refused"
    assert json.loads(for_programs.stdout)["records"] == 0


def test_what_is_logged_of_a_failure_names_no_rule(run: Run, suite: Hosted, caplog):
    suite.crm.forbids = True

    done = run("lookup", "Our Suite", "Contacts", "tier_c", ADA)

    assert done.output.startswith("It does not work: ")
    [logged] = [one.getMessage() for one in caplog.records if "failed" in one.getMessage()]
    assert logged.startswith("The CRM Our Suite failed: ")


def test_secrets_and_numbers_stay_out_of_the_steps(run: Run, suite: Hosted):
    done = run("lookup", "Our Suite", "Contacts", "tier_c", ADA, "--json")

    for secret in (*suite.crm.secrets.values(), ADA, ADA[1:], ADA[2:]):
        assert secret not in done.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("Zoho", "Contacts", "Tier", ADA), "There is no integration Zoho. There are: Directory"),
        (("Our Suite", "Contacts", "Tier", "nobody"), "Type a phone number, e.g. +12025550101."),
    ],
)
def test_what_can_not_be_looked_up_is_said(run: Run, suite: Hosted, arguments, sentence):
    done = run("lookup", *arguments)

    assert done.exit_code != 0
    assert sentence in done.output
    assert suite.crm.searches() == []


def test_the_directory_needs_no_request(run: Run):
    done = run("lookup", "Directory", "Contacts", "Tier", ADA, "--json")

    told = json.loads(done.output)
    assert (told["value"], told["steps"]) == ("Gold", [])


class TestRotation:
    def test_credentials_can_be_read_with_the_new_key_alone(self, make_app: MakeApp, app: Flask):
        old, new = runtime_keys(app), Fernet.generate_key().decode()
        rotating = make_app({"CREDENTIALS_KEY": f"{new},{old}"})

        done = rotating.test_cli_runner().invoke(args=["rotate-credentials"])

        assert done.exit_code == 0
        assert "the credentials of 1 address." in done.output
        with app.app_context():
            [row] = db.session.query(Credential).all()
        opened = Vault([new]).open(row.secrets)
        assert opened == {"password of 6e9bc0de-client": SuiteCrm.secrets["password"]}

    def test_what_no_key_opens_is_left_as_it_is_and_said(self, make_app: MakeApp, app: Flask):
        with app.app_context():
            [before] = [row.secrets for row in db.session.query(Credential)]
        another = make_app({"CREDENTIALS_KEY": Fernet.generate_key().decode()})

        done = another.test_cli_runner().invoke(args=["rotate-credentials"])

        assert done.exit_code == 1
        assert "can't be decrypted" in done.output
        with app.app_context():
            assert [row.secrets for row in db.session.query(Credential)] == [before]


def runtime_keys(app: Flask) -> str:
    with app.app_context():
        return runtime().settings.credentials_keys[0]
