"""The environment, read once into frozen settings; everything wrong is said at once, at start."""

import json
import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import phonenumbers
from cryptography.fernet import Fernet
from dotenv import dotenv_values

ROOT = Path(__file__).resolve().parent.parent
_SECRETS_FILE = "secrets.json"
_MADE_UP: dict[str, Callable[[], str]] = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(48),
    "CREDENTIALS_KEY": lambda: Fernet.generate_key().decode(),
    "TWILIO_AUTH_TOKEN": lambda: secrets.token_hex(16),
}

T = TypeVar("T")


class ConfigError(SystemExit):
    """The environment can't be used; the message lists every fault.

    A process that meets it stops with the message alone: a traceback would say nothing more.
    """


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says; see `.env.example` for the meaning of each."""

    instance: Path
    host: str
    port: int
    web_concurrency: int
    public_base_url: str
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    trusted_proxies: int
    twilio_account_sid: str
    twilio_auth_tokens: tuple[str, ...] = field(repr=False)
    secret_key: str = field(repr=False)
    credentials_keys: tuple[str, ...] = field(repr=False)
    crm_ca_bundle: str
    crm_allowed_hosts: frozenset[str]
    default_country: str
    time_zone: str
    metrics_token: str = field(repr=False)
    admin_email: str
    admin_password: str = field(repr=False)


def load(overrides: Mapping[str, str] | None = None) -> Settings:
    """Read overrides, the environment and `.env`, in this order of precedence.

    What is secret and missing is made up once and kept in the instance folder. Raises
    ConfigError with all faults in one message.
    """
    environment: dict[str, str] = {
        **{name: value or "" for name, value in dotenv_values(ROOT / ".env").items()},
        **os.environ,
        **(overrides or {}),
    }
    return _Reader(environment).settings()


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._faults: list[str] = []

    def settings(self) -> Settings:
        instance = Path(self._text("INSTANCE_PATH", str(ROOT / "instance"))).absolute()
        port = self._read("PORT", "8000", _port)
        sid = self._read("TWILIO_ACCOUNT_SID", "", _account_sid)
        if sid and not self._text("TWILIO_AUTH_TOKEN"):
            self._faults.append("TWILIO_AUTH_TOKEN: needed beside TWILIO_ACCOUNT_SID.")
        made_up = _kept_secrets(instance) if not self._faults else dict.fromkeys(_MADE_UP, "")
        settings = Settings(
            instance=instance,
            host=self._text("HOST", "127.0.0.1"),
            port=port,
            web_concurrency=self._read("WEB_CONCURRENCY", "2", _count),
            public_base_url=self._read("PUBLIC_BASE_URL", f"http://127.0.0.1:{port}", _base_url),
            database_url=self._read(
                "DATABASE_URL", f"sqlite:///{instance / 'voiceapp.db'}", _database_url
            ),
            redis_url=self._read("REDIS_URL", "", _redis_url),
            trusted_proxies=self._read("TRUSTED_PROXIES", "0", _proxies),
            twilio_account_sid=sid,
            twilio_auth_tokens=self._read(
                "TWILIO_AUTH_TOKEN", made_up["TWILIO_AUTH_TOKEN"], _one_or_two
            ),
            secret_key=self._text("SECRET_KEY", made_up["SECRET_KEY"]),
            credentials_keys=self._read(
                "CREDENTIALS_KEY", made_up["CREDENTIALS_KEY"], _credentials_keys
            ),
            crm_ca_bundle=self._read("CRM_CA_BUNDLE", "", _readable_file),
            crm_allowed_hosts=self._read("CRM_ALLOWED_HOSTS", "", _hosts),
            default_country=self._read("DEFAULT_COUNTRY", "US", _country),
            time_zone=self._read("TIME_ZONE", "UTC", _time_zone),
            metrics_token=self._text("METRICS_TOKEN"),
            admin_email=self._text("ADMIN_EMAIL", "admin@example.com"),
            admin_password=self._text("ADMIN_PASSWORD"),
        )
        if self._faults:
            raise ConfigError(
                "These settings can't be used:\n" + "\n".join(f"  {one}" for one in self._faults)
            )
        return settings

    def _text(self, name: str, default: str = "") -> str:
        return self._environment.get(name, "").strip() or default

    def _read(self, name: str, default: str, read: Callable[[str], T]) -> T:
        """Read one setting; a fault is noted, and the default stands in until all are read."""
        try:
            return read(self._text(name, default))
        except ValueError as error:
            self._faults.append(f"{name}: {error}")
            return read(default)


def _kept_secrets(instance: Path) -> dict[str, str]:
    """Return the secrets kept in the instance folder, making them up the first time."""
    try:
        instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"INSTANCE_PATH: {instance} can't be made: {error.strerror}.") from None
    path = instance / _SECRETS_FILE
    if not path.exists():
        draft = instance / f".{_SECRETS_FILE}.{secrets.token_hex(4)}"
        draft.touch(mode=0o600)
        draft.write_text(json.dumps({name: make() for name, make in _MADE_UP.items()}, indent=2))
        try:
            os.link(draft, path)  # unlike a rename, leaves what another process made meanwhile
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    try:
        kept = json.loads(path.read_text())
        Fernet(kept["CREDENTIALS_KEY"])
        if not all(isinstance(kept[name], str) and kept[name] for name in _MADE_UP):
            raise ValueError
        return {name: kept[name] for name in _MADE_UP}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigError(
            f"{path} is damaged. Put a copy of it back; without one, delete it: new secrets are "
            "made, and the credentials of CRMs have to be typed again."
        ) from None


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ValueError("must be a port number, e.g. 8000.")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 1000:
        raise ValueError("must be a number, 1 or more.")
    return int(text)


def _proxies(text: str) -> int:
    if not text.isdecimal() or not text.isascii() or int(text[:9]) > 10:
        raise ValueError("must be how many proxies of yours stand in front, 0 to 10.")
    return int(text)


def _account_sid(text: str) -> str:
    if text and (not text.startswith("AC") or len(text) != 34):
        raise ValueError("must be AC and 32 more characters, as the Twilio console shows it.")
    return text


def _base_url(text: str) -> str:
    match = re.fullmatch(r"(https?)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?/?", text, re.I)
    if match is None or int((match[3] or ":1")[1:]) > 65535:
        raise ValueError("must be a scheme and a host only, e.g. https://calls.example.com.")
    return text.rstrip("/")


def _database_url(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    if scheme in ("postgres", "postgresql"):
        scheme = "postgresql+psycopg"
    if not separator or scheme not in ("sqlite", "postgresql+psycopg") or rest in ("", "/"):
        raise ValueError("must be sqlite:///file or postgresql://user:password@host/database.")
    return f"{scheme}://{rest}"


def _redis_url(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    if text and (scheme not in ("redis", "rediss", "unix") or not separator or not rest):
        raise ValueError("must be redis://host:6379/0, or rediss:// over TLS.")
    return text


def _one_or_two(text: str) -> tuple[str, ...]:
    values = tuple(one.strip() for one in text.split(",") if one.strip())
    if len(values) > 2 or (text and not values):
        raise ValueError("takes one value, or two separated by a comma while one is rotated.")
    return values


def _credentials_keys(text: str) -> tuple[str, ...]:
    keys = _one_or_two(text)
    for key in keys:
        try:
            Fernet(key)
        except ValueError:
            raise ValueError(
                "must be 32 bytes in URL-safe base64; leave it empty to have one made, or make "
                "one: openssl rand -base64 32 | tr '+/' '-_'"
            ) from None
    return keys


def _readable_file(text: str) -> str:
    if text and not os.access(text, os.R_OK):
        raise ValueError("must be a file that can be read.")
    return text


def _hosts(text: str) -> frozenset[str]:
    hosts = frozenset(one.strip().lower() for one in text.split(",") if one.strip())
    if any("/" in host for host in hosts):
        raise ValueError("takes host names separated by commas, without https:// or a path.")
    return hosts


def _country(text: str) -> str:
    if text not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("must be a country's two capital letters, e.g. US or DE.")
    return text


def _time_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ValueError, KeyError, OSError):
        raise ValueError("must be the name of a time zone, e.g. Europe/Berlin.") from None
    return text
