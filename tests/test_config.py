"""The environment, read once: every fault at once, secrets made up once and never shown."""

import ast
import base64
import json
import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.routing.journals import run_python
from voiceapp import config
from voiceapp.config import ROOT, ConfigError, Settings

# not made up anew each time: they stand in the names of tests
KEY, OTHER_KEY = (base64.urlsafe_b64encode(bytes([byte]) * 32).decode() for byte in (1, 2))
SID = "AC" + "0" * 32
SECRETS = {"SECRET_KEY": "secret", "TWILIO_AUTH_TOKEN": "token", "CREDENTIALS_KEY": KEY}

Load = Callable[..., Settings]


def known_names() -> set[str]:
    """Return the names that config reads, as its source has them."""
    calls = [
        node
        for node in ast.walk(ast.parse(Path(config.__file__).read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    return {
        ast.literal_eval(call.args[0])
        for call in calls
        if call.func.attr in ("_text", "_read") and isinstance(call.args[0], ast.Constant)
    }


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    return tmp_path / "instance"


@pytest.fixture
def load(instance: Path) -> Load:
    """Read settings, with none from the environment the tests run in."""
    unset = dict.fromkeys(known_names(), "")

    def load(**overrides: str) -> Settings:
        return config.load({**unset, "INSTANCE_PATH": str(instance), **overrides})

    return load


def test_every_setting_has_a_default(load, instance):
    settings = load()

    kept = json.loads((instance / "secrets.json").read_text())
    assert settings == Settings(
        instance=instance,
        host="127.0.0.1",
        port=8000,
        web_concurrency=2,
        public_base_url="http://127.0.0.1:8000",
        database_url=f"sqlite:///{instance}/voiceapp.db",
        redis_url="",
        trusted_proxies=0,
        twilio_account_sid="",
        twilio_auth_tokens=(kept["TWILIO_AUTH_TOKEN"],),
        secret_key=kept["SECRET_KEY"],
        credentials_keys=(kept["CREDENTIALS_KEY"],),
        crm_ca_bundle="",
        crm_allowed_hosts=frozenset(),
        default_country="US",
        time_zone="UTC",
        metrics_token="",
        admin_email="admin@example.com",
        admin_password="",
    )


def test_every_setting_can_be_set(load, instance, tmp_path):
    bundle = tmp_path / "ca.pem"
    bundle.touch()

    settings = load(
        HOST=" 0.0.0.0 ",
        PORT="9000",
        WEB_CONCURRENCY="4",
        PUBLIC_BASE_URL="https://calls.example.com/",
        DATABASE_URL="postgres://user:password@db/voiceapp",
        REDIS_URL="rediss://:password@cache:6380/2",
        TRUSTED_PROXIES="2",
        TWILIO_ACCOUNT_SID=SID,
        TWILIO_AUTH_TOKEN="new, old",
        SECRET_KEY="secret",
        CREDENTIALS_KEY=f"{KEY},{OTHER_KEY}",
        CRM_CA_BUNDLE=str(bundle),
        CRM_ALLOWED_HOSTS="CRM.internal, 10.0.0.5,",
        DEFAULT_COUNTRY="DE",
        TIME_ZONE="Europe/Berlin",
        METRICS_TOKEN="a token",
        ADMIN_EMAIL="ada@example.com",
        ADMIN_PASSWORD="a long password",
    )

    assert settings == Settings(
        instance=instance,
        host="0.0.0.0",
        port=9000,
        web_concurrency=4,
        public_base_url="https://calls.example.com",
        database_url="postgresql+psycopg://user:password@db/voiceapp",
        redis_url="rediss://:password@cache:6380/2",
        trusted_proxies=2,
        twilio_account_sid=SID,
        twilio_auth_tokens=("new", "old"),
        secret_key="secret",
        credentials_keys=(KEY, OTHER_KEY),
        crm_ca_bundle=str(bundle),
        crm_allowed_hosts=frozenset({"crm.internal", "10.0.0.5"}),
        default_country="DE",
        time_zone="Europe/Berlin",
        metrics_token="a token",
        admin_email="ada@example.com",
        admin_password="a long password",
    )


def test_the_public_address_follows_the_port(load):
    assert load(PORT="9000").public_base_url == "http://127.0.0.1:9000"


def test_overrides_stand_before_the_environment(instance, monkeypatch):
    monkeypatch.setenv("INSTANCE_PATH", str(instance))
    monkeypatch.setenv("HOST", "10.0.0.1")
    monkeypatch.setenv("DEFAULT_COUNTRY", "DE")

    settings = config.load({"HOST": "10.0.0.2"})

    assert (settings.host, settings.default_country) == ("10.0.0.2", "DE")


def test_all_faults_are_told_at_once(load, instance):
    with pytest.raises(ConfigError) as raised:
        load(
            PORT="http",
            WEB_CONCURRENCY="auto",
            TWILIO_ACCOUNT_SID="AC1",
            TWILIO_AUTH_TOKEN="one,two,three",
            PUBLIC_BASE_URL="calls.example.com",
            DATABASE_URL="mysql://db",
            CREDENTIALS_KEY="short",
            CRM_CA_BUNDLE="/does/not/exist.pem",
            CRM_ALLOWED_HOSTS="https://crm.internal",
            DEFAULT_COUNTRY="Germany",
            TIME_ZONE="Berlin",
        )

    assert (
        str(raised.value)
        == """\
These settings can't be used:
  PORT: must be a port number, e.g. 8000.
  TWILIO_ACCOUNT_SID: must be AC and 32 more characters, as the Twilio console shows it.
  WEB_CONCURRENCY: must be a number, 1 or more.
  PUBLIC_BASE_URL: must be a scheme and a host only, e.g. https://calls.example.com.
  DATABASE_URL: must be sqlite:///file or postgresql://user:password@host/database.
  TWILIO_AUTH_TOKEN: takes one value, or two separated by a comma while one is rotated.
  CREDENTIALS_KEY: must be 32 bytes in URL-safe base64; leave it empty to have one made, or make \
one: openssl rand -base64 32 | tr '+/' '-_'
  CRM_CA_BUNDLE: must be a file that can be read.
  CRM_ALLOWED_HOSTS: takes host names separated by commas, without https:// or a path.
  DEFAULT_COUNTRY: must be a country's two capital letters, e.g. US or DE.
  TIME_ZONE: must be the name of a time zone, e.g. Europe/Berlin."""
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "9" * 5000),
        ("WEB_CONCURRENCY", "0"),
        ("WEB_CONCURRENCY", "-1"),
        ("WEB_CONCURRENCY", "1.5"),
        ("WEB_CONCURRENCY", "1000"),
        ("WEB_CONCURRENCY", "²"),
        ("PUBLIC_BASE_URL", "ftp://calls.example.com"),
        ("PUBLIC_BASE_URL", "https://"),
        ("PUBLIC_BASE_URL", "https://calls.example.com/voice"),
        ("PUBLIC_BASE_URL", "https://calls.example.com?a=b"),
        ("PUBLIC_BASE_URL", "https://calls.example.com?"),
        ("PUBLIC_BASE_URL", "https://calls.example.com#top"),
        ("PUBLIC_BASE_URL", "https://[calls"),
        ("PUBLIC_BASE_URL", "https://calls.example.com:65536"),
        ("PUBLIC_BASE_URL", "https://calls.example.com:99999/"),
        ("PUBLIC_BASE_URL", "https://calls.example.com:"),
        ("DATABASE_URL", "voiceapp.db"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///"),
        ("DATABASE_URL", "postgres://"),
        ("REDIS_URL", "cache:6379"),
        ("REDIS_URL", "http://cache:6379"),
        ("REDIS_URL", "redis://"),
        ("TWILIO_ACCOUNT_SID", "SK" + "0" * 32),
        ("TWILIO_AUTH_TOKEN", ","),
        ("CREDENTIALS_KEY", ","),
        ("CREDENTIALS_KEY", f"{KEY},short"),
        ("CREDENTIALS_KEY", f"{KEY},{KEY},{KEY}"),
        ("CRM_ALLOWED_HOSTS", "crm.internal/path"),
        ("DEFAULT_COUNTRY", "us"),
        ("TIME_ZONE", "../../etc/passwd"),
    ],
)
def test_a_value_that_can_not_be_used_stops_the_start(load, name, value):
    with pytest.raises(ConfigError) as raised:
        load(**{"TWILIO_AUTH_TOKEN": "token", name: value})

    assert re.fullmatch(rf"These settings can't be used:\n  {name}: .+", str(raised.value))


@pytest.mark.parametrize(
    "url", ["https://calls.example.com:65535", "http://localhost:1", "https://[2001:db8::1]:8443"]
)
def test_the_public_address_may_name_a_port(load, url):
    assert load(PUBLIC_BASE_URL=url).public_base_url == url


def test_an_account_needs_its_token(load):
    with pytest.raises(ConfigError, match=r"\n  TWILIO_AUTH_TOKEN: needed beside"):
        load(TWILIO_ACCOUNT_SID=SID)


def test_a_fault_shows_no_secret(load):
    with pytest.raises(ConfigError) as raised:
        load(
            DATABASE_URL="mysql://user:hunter2@db",
            TWILIO_AUTH_TOKEN="hunter2,hunter2,hunter2",
            CREDENTIALS_KEY="hunter2",
        )

    assert "hunter2" not in str(raised.value)


def test_made_up_secrets_are_kept_for_the_next_start(load, instance):
    first = load()

    assert load() == first
    assert stat.S_IMODE((instance / "secrets.json").stat().st_mode) == 0o600
    assert [path.name for path in instance.iterdir()] == ["secrets.json"]


def test_made_up_secrets_are_of_each_installation_alone(load, tmp_path):
    one, other = load(), load(INSTANCE_PATH=str(tmp_path / "other"))

    assert one.secret_key != other.secret_key
    assert one.credentials_keys != other.credentials_keys
    assert one.twilio_auth_tokens != other.twilio_auth_tokens


def test_a_secret_that_is_set_stands_before_the_made_up_one(load):
    load()

    settings = load(SECRET_KEY="mine", TWILIO_AUTH_TOKEN="token", CREDENTIALS_KEY=KEY)

    assert settings.secret_key == "mine"
    assert settings.twilio_auth_tokens == ("token",)
    assert settings.credentials_keys == (KEY,)


def test_a_faulty_environment_leaves_no_secrets_behind(load, instance):
    with pytest.raises(ConfigError):
        load(PORT="http")

    assert not instance.exists()


@pytest.mark.parametrize(
    ("path", "why"), [("file", "File exists"), ("file/instance", "Not a directory")]
)
def test_an_instance_folder_that_can_not_be_made_is_told(load, tmp_path, path, why):
    (tmp_path / "file").touch()

    with pytest.raises(ConfigError) as raised:
        load(INSTANCE_PATH=str(tmp_path / path))

    assert str(raised.value) == f"INSTANCE_PATH: {tmp_path / path} can't be made: {why}."


def test_an_instance_folder_that_is_made_is_closed_to_others(load, instance):
    load()

    assert stat.S_IMODE(instance.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"SECRET_KEY": "x"}',
        b"\xff",
        json.dumps({**SECRETS, "TWILIO_AUTH_TOKEN": None}).encode(),
        json.dumps({**SECRETS, "SECRET_KEY": ""}).encode(),
        json.dumps({**SECRETS, "CREDENTIALS_KEY": "short"}).encode(),
    ],
)
def test_damaged_secrets_are_told_and_left_as_they_are(load, instance, damaged):
    instance.mkdir()
    path = instance / "secrets.json"
    path.write_bytes(damaged)

    with pytest.raises(ConfigError) as raised:
        load()

    assert str(raised.value) == (
        f"{path} is damaged. Put a copy of it back; without one, delete it: new secrets are "
        "made, and the credentials of CRMs have to be typed again."
    )
    assert path.read_bytes() == damaged


_START_MANY = """
import json, os, sys
from pathlib import Path
from voiceapp import config

PROCESSES, ROUNDS = 8, 25
for round in range(ROUNDS):
    environment = json.loads(sys.argv[1]) | {"INSTANCE_PATH": f"{sys.argv[2]}/{round}"}
    gate, opener = os.pipe()
    for _ in range(PROCESSES):
        if os.fork() == 0:
            os.close(opener)
            os.read(gate, 1)  # returns when the parent opens the gate for all
            settings = config.load(environment)
            secrets = settings.secret_key, settings.credentials_keys, settings.twilio_auth_tokens
            os.write(1, f"{round} {secrets}\\n".encode())
            os._exit(0)
    os.close(gate)
    os.close(opener)
    for _ in range(PROCESSES):
        assert os.wait()[1] == 0
"""


def test_processes_that_start_at_the_same_moment_agree_on_the_secrets(tmp_path):
    unset = dict.fromkeys(known_names(), "")

    lines = run_python(_START_MANY, json.dumps(unset), tmp_path).splitlines()

    assert len(lines) == 8 * 25
    assert len(set(lines)) == 25
    assert all(
        [kept.name for kept in one.iterdir()] == ["secrets.json"] for one in tmp_path.iterdir()
    )


def test_settings_do_not_show_secrets(load):
    shown = repr(
        load(
            DATABASE_URL="postgresql://user:hunter2@db/voiceapp",
            TWILIO_AUTH_TOKEN="hunter3",
            SECRET_KEY="hunter4",
            CREDENTIALS_KEY=KEY,
            ADMIN_PASSWORD="hunter5",
        )
    )

    assert "hunter" not in shown
    assert KEY not in shown


def test_the_example_names_every_setting_and_no_other():
    example = (ROOT / ".env.example").read_text()

    assert set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE)) == known_names()
