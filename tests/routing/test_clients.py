"""Integrations with their secrets: a secret goes only to the origin it was saved with."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest
from cryptography.fernet import Fernet

from voiceapp.crm.contract import CrmRefused
from voiceapp.routing.clients import Clients, Credentials
from voiceapp.rules.plan import Integration
from voiceapp.vault import Vault

SHOP = Integration("shop", "Web shop", "custom", "https://crm.example.com/find", {"name": "X-Key"})
ORIGIN = "https://crm.example.com:443"
SECRETS = {"header_value": "hunter2"}


@dataclass(frozen=True)
class Made:
    """Stands for a client: what it was made with."""

    integration: Integration
    secrets: Mapping[str, str]
    country: str


@pytest.fixture
def vault() -> Vault:
    return Vault([Fernet.generate_key().decode()])


@pytest.fixture
def clients(vault: Vault) -> Clients:
    return Clients(Made, vault)


@pytest.fixture
def credentials(vault: Vault) -> Credentials:
    return {"shop": {ORIGIN: vault.seal(SECRETS)}}


def test_an_integration_without_secrets_has_a_client_too(clients):
    assert clients.client(SHOP, "US") == Made(SHOP, {}, "US")


@pytest.mark.parametrize(
    "url",
    [
        "https://crm.example.com/find",
        "https://crm.example.com/elsewhere?q={caller}",
        "https://crm.example.com",
        "https://CRM.example.com:443/find",
        "HTTPS://crm.example.com/find",
    ],
)
def test_a_secret_goes_to_the_origin_it_was_saved_with(clients, credentials, url):
    integration = replace(SHOP, url=url)
    clients.take_credentials(credentials)

    assert clients.client(integration, "US") == Made(integration, SECRETS, "US")


@pytest.mark.parametrize(
    "url",
    [
        "http://crm.example.com/find",
        "http://crm.example.com:443/find",
        "https://crm.example.com:8443/find",
        "https://evil.example/find",
        "https://crm.example.com.evil.example/find",
        "https://evil.example/https://crm.example.com/find",
        "https://sub.crm.example.com/find",
        "//crm.example.com/find",
        "crm.example.com/find",
        "",
    ],
)
def test_a_secret_goes_nowhere_else(vault, credentials, url):
    made: list[str] = []
    clients = Clients(lambda integration, *_: made.append(integration.url), vault)
    clients.take_credentials(credentials)

    with pytest.raises(
        CrmRefused,
        match=r"^The credentials were saved for another address; type them again\.$",
    ):
        clients.client(replace(SHOP, url=url), "US")

    assert made == []


@pytest.mark.parametrize(
    "url",
    [
        "https://crm.example.com:99999/find",
        "https://[crm.example.com",
        "https://crm.example.com@evil.example/find",
        "https://evil.example\\@crm.example.com/find",
    ],
)
def test_an_address_that_can_not_be_read_is_refused(clients, credentials, url):
    clients.take_credentials(credentials)

    with pytest.raises(CrmRefused):
        clients.client(replace(SHOP, url=url), "US")


def test_each_origin_has_secrets_of_its_own(clients, credentials, vault):
    moved = replace(SHOP, url="https://new.example.com/find")
    new = {"header_value": "the key of the new one"}
    clients.take_credentials(
        {"shop": {**credentials["shop"], "https://new.example.com:443": vault.seal(new)}}
    )

    assert clients.client(SHOP, "US") == Made(SHOP, SECRETS, "US")
    assert clients.client(moved, "US") == Made(moved, new, "US")


def test_a_secret_goes_to_its_own_integration_only(clients, credentials):
    other = replace(SHOP, key="other")
    clients.take_credentials(credentials)

    assert clients.client(other, "US") == Made(other, {}, "US")


@pytest.mark.parametrize(
    "sealed", [Vault([Fernet.generate_key().decode()]).seal(SECRETS), "", "no such thing"]
)
def test_a_secret_sealed_with_another_key_is_refused(clients, sealed):
    clients.take_credentials({"shop": {ORIGIN: sealed}})

    with pytest.raises(CrmRefused, match="CREDENTIALS_KEY is another than the one they were saved"):
        clients.client(SHOP, "US")


def test_it_is_known_which_secrets_can_not_be_decrypted(clients, credentials):
    foreign = Vault([Fernet.generate_key().decode()]).seal(SECRETS)
    other = replace(SHOP, key="other")
    seen = []
    for given in ({}, {"shop": {ORIGIN: foreign}, "other": credentials["shop"]}, credentials):
        clients.take_credentials(given)
        seen.append((clients.is_sealed(SHOP), clients.is_sealed(other)))

    assert seen == [(False, False), (True, False), (False, False)]
    assert not clients.is_sealed(replace(SHOP, url="https://moved.example.com/"))


def test_an_integration_that_is_not_set_up_rightly_is_refused_with_the_reason(vault):
    def client_for(integration: Integration, *_: object) -> None:
        raise ValueError(f"There is no CRM of the kind {integration.kind}.")

    with pytest.raises(CrmRefused, match=r"^There is no CRM of the kind custom\.$"):
        Clients(client_for, vault).client(SHOP, "US")


def test_a_client_is_kept_with_its_connections(clients, credentials):
    clients.take_credentials(credentials)
    first = clients.client(SHOP, "US")

    clients.take_credentials(dict(credentials))

    assert clients.client(replace(SHOP, options=dict(SHOP.options)), "US") is first


@pytest.mark.parametrize(
    "changed",
    [
        replace(SHOP, url="https://crm.example.com/v2"),
        replace(SHOP, kind="zoho"),
        replace(SHOP, options={}),
        replace(SHOP, options={"name": "X-Other"}),
        replace(SHOP, key="other"),
    ],
)
def test_another_integration_has_another_client(clients, changed):
    clients.client(SHOP, "US")

    assert clients.client(changed, "US") == Made(changed, {}, "US")


def test_another_country_has_another_client(clients):
    clients.client(SHOP, "US")

    assert clients.client(SHOP, "DE") == Made(SHOP, {}, "DE")


def test_changed_credentials_take_effect_at_once(clients, credentials, vault):
    clients.take_credentials(credentials)
    clients.client(SHOP, "US")

    clients.take_credentials({"shop": {ORIGIN: vault.seal({"new": "secret"})}})
    assert clients.client(SHOP, "US") == Made(SHOP, {"new": "secret"}, "US")

    clients.take_credentials({})
    assert clients.client(SHOP, "US") == Made(SHOP, {}, "US")


def test_an_address_that_changes_hands_takes_no_secret_along(clients, credentials):
    clients.take_credentials(credentials)
    clients.client(SHOP, "US")

    with pytest.raises(CrmRefused):
        clients.client(replace(SHOP, url="https://evil.example/find"), "US")
