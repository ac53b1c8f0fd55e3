"""The house keeps its order: which way imports point, who may do what, how Twilio's door is held.

The sources are read, not imported: importing any part of them loads Flask.
"""

import ast
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from voiceapp.twiml import webhooks

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "voiceapp").rglob("*.py"))

DOORS = {
    "voiceapp.chores",
    "voiceapp.cli",
    "voiceapp.console",
    "voiceapp.status.health",
    "voiceapp.prompts",
    "voiceapp.settings",
    "voiceapp.twiml.webhooks",
    "voiceapp.users",
    "voiceapp.worker",
}
WEB = {"flask", "werkzeug", "wtforms"}
SQL = {"sqlalchemy", "psycopg", "sqlite3", "alembic"}
LONGEST_FILE = 300


def module_name(source: Path) -> str:
    """Return the dotted name under which a source is imported."""
    parts = source.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def parse(source: Path) -> ast.Module:
    return ast.parse(source.read_text())


def imports_in(tree: ast.AST, package: str) -> Iterator[str]:
    """Yield the full name of everything imported, in functions and for types alike."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                kept = package.split(".")[: -(node.level - 1) or None]
                origin = ".".join([*kept, origin]).rstrip(".")
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def imports_of(source: Path) -> set[str]:
    name = module_name(source)
    package = name if source.name == "__init__.py" else name.rpartition(".")[0]
    return set(imports_in(parse(source), package))


def is_within(name: str, parts: Collection[str]) -> bool:
    """Say whether a name is one of some packages and modules, or lies in one."""
    return any(name == part or name.startswith(f"{part}.") for part in parts)


def is_foreign(name: str) -> bool:
    root = name.partition(".")[0]
    return root != "voiceapp" and root not in sys.stdlib_module_names


def is_web(name: str) -> bool:
    root = name.partition(".")[0]
    return root in WEB or root.startswith("flask_")


def is_sql(name: str) -> bool:
    return name.partition(".")[0] in SQL


def sources_of(*packages: str) -> list[Path]:
    return [source for source in SOURCES if is_within(module_name(source), packages)]


def strays(sources: Collection[Path], own: Collection[str]) -> list[str]:
    """Return the imports of voiceapp's own that lie outside of some of its parts."""
    return [
        f"{module_name(source)} imports {name}"
        for source in sources
        for name in sorted(imports_of(source))
        if is_within(name, ["voiceapp"]) and not is_within(name, own)
    ]


def offenders(sources: Collection[Path], is_forbidden) -> list[str]:
    return [
        f"{module_name(source)} imports {name}"
        for source in sources
        for name in sorted(imports_of(source))
        if is_forbidden(name)
    ]


@pytest.mark.parametrize(
    ("line", "imported"),
    [
        ("import flask.views as views", {"flask.views"}),
        ("from flask import Flask, g", {"flask.Flask", "flask.g"}),
        ("from voiceapp import routing", {"voiceapp.routing"}),
        ("from . import route", {"voiceapp.routing.route"}),
        ("from .table import Table", {"voiceapp.routing.table.Table"}),
        ("from ..twiml import webhooks", {"voiceapp.twiml.webhooks"}),
        ("def late():\n    import flask", {"flask"}),
        ("if TYPE_CHECKING:\n    import flask", {"flask"}),
    ],
)
def test_every_way_to_import_is_seen(line, imported):
    assert set(imports_in(ast.parse(line), "voiceapp.routing")) == imported


@pytest.mark.parametrize(
    "package",
    ["voiceapp.rules", "voiceapp.crm", "voiceapp.twiml", "voiceapp.routing", "voiceapp.models"],
)
def test_the_packages_that_are_held_to_an_order_are_there(package):
    assert len(sources_of(package)) > 1


def test_rules_import_nobody_and_only_the_standard_library():
    rules = sources_of("voiceapp.rules")

    assert strays(rules, ["voiceapp.rules"]) == []
    assert offenders(rules, is_foreign) == []


def test_crm_imports_nobody_and_knows_no_flask_no_sql_and_no_twilio():
    crm = sources_of("voiceapp.crm")

    assert strays(crm, ["voiceapp.crm"]) == []
    assert offenders(crm, lambda name: is_web(name) or is_sql(name)) == []
    assert offenders(crm, lambda name: is_within(name, ["twilio"])) == []


def test_the_words_of_twilio_know_rules_and_each_other_only():
    door = ROOT / "voiceapp" / "twiml" / "webhooks.py"
    words = [source for source in sources_of("voiceapp.twiml") if source != door]

    assert strays(words, ["voiceapp.rules", "voiceapp.twiml"]) == []
    assert offenders(words, lambda name: is_within(name, DOORS)) == []
    assert offenders(words, lambda name: is_web(name) or is_sql(name)) == []


def test_routing_knows_no_door_and_no_flask():
    routing = sources_of("voiceapp.routing")
    below = [
        "voiceapp.crm",
        "voiceapp.models",
        "voiceapp.routing",
        "voiceapp.rules",
        "voiceapp.twiml",
        "voiceapp.vault",
    ]

    assert strays(routing, below) == []
    assert offenders(routing, lambda name: is_within(name, DOORS)) == []
    assert offenders(routing, is_web) == []


def test_models_know_nothing_above_them():
    above = {"voiceapp.routing", "voiceapp.twiml", *DOORS}

    assert offenders(sources_of("voiceapp.models"), lambda name: is_within(name, above)) == []


def test_only_the_door_to_the_network_sends_requests():
    door = ROOT / "voiceapp" / "crm" / "http.py"
    transport = ROOT / "voiceapp" / "crm" / "transport.py"  # what the door is put together from
    others = [source for source in SOURCES if source not in (door, transport)]
    senders = ["requests", "urllib3", "urllib.request", "http.client", "httpx", "aiohttp"]

    assert offenders(others, lambda name: is_within(name, senders)) == []
    assert offenders([transport], lambda name: is_within(name, ["requests"])) == []


def test_only_wsgi_makes_an_application_when_it_is_imported():
    top_level_calls = [
        source.name
        for source in [*SOURCES, ROOT / "wsgi.py"]
        for statement in parse(source).body
        if not isinstance(statement, ast.FunctionDef | ast.ClassDef)
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "create_app"
    ]

    assert top_level_calls == ["wsgi.py"]


@pytest.mark.parametrize("source", SOURCES, ids=module_name)
def test_nothing_is_printed(source):
    calls = [node for node in ast.walk(parse(source)) if isinstance(node, ast.Call)]

    assert [call.lineno for call in calls if ast.unparse(call.func) == "print"] == []


@pytest.mark.parametrize("source", SOURCES, ids=module_name)
def test_a_file_stays_short(source):
    assert len(source.read_text().splitlines()) <= LONGEST_FILE


def twiml_rules(app):
    return [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/twiml")]


def test_every_webhook_stands_behind_the_guard(app):
    rules = twiml_rules(app)

    assert {rule.endpoint.rpartition(".")[0] for rule in rules} == {"twiml"}
    assert app.before_request_funcs["twiml"] == [webhooks.refuse_unless_twilio]
    assert app.before_request_funcs.get(None, []) == []  # nothing is read before the guard


def test_the_webhooks_of_the_contract_are_there(app):
    paths = {rule.rule for rule in twiml_rules(app)}

    assert paths >= {"/twiml/did", "/twiml/ivr/<number>", "/twiml/fallback", "/twiml/status"}


def test_every_webhook_is_for_get_and_post(app):
    accepted = {frozenset(rule.methods - {"HEAD", "OPTIONS"}) for rule in twiml_rules(app)}

    assert accepted == {frozenset({"GET", "POST"})}


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("GET", 403),
        ("POST", 403),
        ("HEAD", 405),
        ("OPTIONS", 405),
        ("PUT", 405),
        ("PATCH", 405),
        ("DELETE", 405),
        ("TRACE", 405),
    ],
)
def test_every_webhook_refuses_what_twilio_never_sends(app, method, status):
    adapter = app.url_map.bind("calls.example.com")
    client = app.test_client()

    answers = {}
    for rule in twiml_rules(app):
        arguments = dict.fromkeys(rule.arguments - set(rule.defaults or ()), "801")
        path = adapter.build(rule.endpoint, arguments, method="GET")
        answers[path] = client.open(path, method=method).status_code

    assert set(answers.values()) == {status}
