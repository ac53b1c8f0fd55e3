"""Secrets of integrations: kept for the address they were typed for, and encrypted anew."""

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from voiceapp.crm.kind import PASSWORD, TOKEN
from voiceapp.models.integrations import Credential
from voiceapp.routing import credentials
from voiceapp.rules.plan import Integration
from voiceapp.vault import Sealed, Vault

OLD, NEW, LOST = (Fernet.generate_key().decode() for _ in range(3))
ORIGIN = "https://acme.my.salesforce.com:443"
FORCE = Integration(
    "force", "Salesforce", "salesforce", "https://acme.my.salesforce.com", {"username": "ada"}
)
SHOP = Integration(
    "shop", "Web shop", "custom", "https://shop.example/find", {"header_name": "X-Key"}
)


@pytest.fixture
def vault() -> Vault:
    return Vault([OLD])


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as session:
        yield session


def opened(session: Session, vault: Vault, key: str) -> dict[str, dict[str, str]]:
    """Return the secrets of an integration by their origins."""
    session.commit()
    session.expire_all()
    sealed = credentials.sealed_of(session, key)
    return {at: vault.open(secrets) for at, secrets in sealed.items()}


def add(session: Session, key: str, sealed: str) -> None:
    session.add(Credential(integration=key, origin=ORIGIN, secrets=sealed))
    session.commit()


def test_what_was_typed_is_kept_encrypted_for_its_address_and_user(session, vault, caplog):
    caplog.set_level(logging.INFO)

    credentials.keep(session, vault, FORCE, {PASSWORD: "hunter2", TOKEN: "hunter3"}, "bob")

    assert opened(session, vault, "force") == {
        ORIGIN: {"password of ada": "hunter2", "token of ada": "hunter3"}
    }
    assert "hunter" not in str(credentials.sealed_of(session, "force"))
    assert caplog.messages == [f"bob typed a secret of Salesforce for {ORIGIN}"]


def test_a_blank_one_takes_away_what_is_there(session, vault):
    credentials.keep(session, vault, FORCE, {PASSWORD: "hunter2", TOKEN: "hunter3"}, "bob")

    credentials.keep(session, vault, FORCE, {TOKEN: ""}, "bob")

    assert opened(session, vault, "force") == {ORIGIN: {"password of ada": "hunter2"}}


@pytest.mark.parametrize("typed", [{}, {TOKEN: ""}, {TOKEN: "", "unknown": "x"}])
def test_what_is_not_there_or_unknown_changes_nothing(session, vault, typed, caplog):
    credentials.keep(session, vault, FORCE, {PASSWORD: "hunter2"}, "bob")
    before = credentials.sealed_of(session, "force")
    caplog.set_level(logging.INFO)

    credentials.keep(session, vault, FORCE, typed, "bob")

    assert credentials.sealed_of(session, "force") == before
    assert caplog.messages == []


def test_one_secret_may_be_typed_anew_without_the_other(session, vault):
    credentials.keep(session, vault, FORCE, {PASSWORD: "hunter2", TOKEN: "hunter3"}, "bob")

    credentials.keep(session, vault, FORCE, {TOKEN: "hunter4"}, "bob")

    assert opened(session, vault, "force") == {
        ORIGIN: {"password of ada": "hunter2", "token of ada": "hunter4"}
    }


def test_another_user_or_address_has_secrets_of_its_own(session, vault):
    moved = replace(FORCE, url="https://new.my.salesforce.com")
    eve = replace(FORCE, options={"username": "eve"})
    credentials.keep(session, vault, FORCE, {PASSWORD: "hunter2"}, "bob")

    credentials.keep(session, vault, moved, {PASSWORD: "hunter3"}, "bob")
    credentials.keep(session, vault, eve, {PASSWORD: "hunter4"}, "bob")

    assert opened(session, vault, "force") == {
        ORIGIN: {"password of ada": "hunter2", "password of eve": "hunter4"},
        "https://new.my.salesforce.com:443": {"password of ada": "hunter3"},
    }
    assert credentials.kept(session, vault, "force") == {
        (ORIGIN, "password of ada"),
        (ORIGIN, "password of eve"),
        ("https://new.my.salesforce.com:443", "password of ada"),
    }


def test_an_address_that_needs_no_secret_says_so_beside_those_that_do(session, vault):
    bare = replace(SHOP, url="https://new.example/find", options={})
    credentials.keep(session, vault, bare, {}, "bob")
    assert opened(session, vault, "shop") == {}
    credentials.keep(session, vault, SHOP, {"header_name": "hunter2"}, "bob")

    credentials.keep(session, vault, bare, {}, "bob")

    assert opened(session, vault, "shop") == {
        "https://shop.example:443": {"header x-key": "hunter2"},
        "https://new.example:443": {},
    }


def test_what_can_not_be_decrypted_counts_as_not_there_and_is_typed_over(session, vault):
    add(session, "force", Vault([LOST]).seal({"password of ada": "hunter2"}))
    assert credentials.kept(session, vault, "force") == frozenset()

    credentials.keep(session, vault, FORCE, {PASSWORD: "hunter3"}, "bob")

    assert opened(session, vault, "force") == {ORIGIN: {"password of ada": "hunter3"}}


def test_encrypted_anew_secrets_need_the_first_key_only(session):
    secrets = {"force": {"password of ada": "hunter2"}, "shop": {"header x-key": "Zoë's"}, "x": {}}
    for key, one in secrets.items():
        add(session, key, Vault([OLD]).seal(one))

    assert credentials.rotate(session, Vault([NEW, OLD])) == (3, 0)

    for key, one in secrets.items():
        assert opened(session, Vault([NEW]), key) == {ORIGIN: one}
        with pytest.raises(Sealed):
            opened(session, Vault([OLD]), key)


def test_encrypting_anew_leaves_alone_and_counts_what_can_not_be_read(session, vault):
    lost = {"lost": Vault([LOST]).seal({"a": "b"}), "garbage": "garbage"}
    for key, sealed in (lost | {"force": vault.seal({"a": "b"})}).items():
        add(session, key, sealed)

    assert credentials.rotate(session, Vault([NEW, OLD])) == (1, 2)

    assert opened(session, Vault([NEW]), "force") == {ORIGIN: {"a": "b"}}
    assert {key: credentials.sealed_of(session, key)[ORIGIN] for key in lost} == lost


def test_encrypting_anew_may_be_done_twice_and_with_nothing_there(session):
    rotated = Vault([NEW, OLD])
    assert credentials.rotate(session, rotated) == (0, 0)
    add(session, "force", Vault([OLD]).seal({"a": "b"}))

    assert [credentials.rotate(session, rotated) for _ in range(2)] == [(1, 0), (1, 0)]

    assert opened(session, Vault([NEW]), "force") == {ORIGIN: {"a": "b"}}
