"""Puts the parts of a running application together: who gets what from whom."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from sqlalchemy import Engine

from voiceapp.config import Settings
from voiceapp.crm.boards import FolderBoard, SharedBoard
from voiceapp.crm.bounded import Bounded
from voiceapp.crm.breaker import Board, Breakers
from voiceapp.crm.contract import CrmClient
from voiceapp.crm.http import HttpDoor
from voiceapp.crm.kind import Connection, Surroundings
from voiceapp.crm.lookup import Lookup
from voiceapp.crm.memory import Memory
from voiceapp.crm.registry import build_client
from voiceapp.crm.resolver import Resolve
from voiceapp.crm.shared import NOTHING_SHARED, Shared
from voiceapp.crm.tokens import Tokens
from voiceapp.crm.trace import Step, TracedDoor
from voiceapp.models.contacts import finder
from voiceapp.recordings import RecordingStore
from voiceapp.refusals import Refusals
from voiceapp.routing.catalogue import Shelf
from voiceapp.routing.clients import ClientFor, Clients
from voiceapp.routing.deliveries import Deliveries
from voiceapp.routing.inquiry import Inquirer
from voiceapp.routing.journal import Journal
from voiceapp.routing.ledger import straight_to
from voiceapp.routing.live import Live
from voiceapp.routing.releases import PendingMemory
from voiceapp.routing.token_store import DatabaseTokens, known_as
from voiceapp.rules.plan import Integration
from voiceapp.runtime import Runtime
from voiceapp.sharing.redis import RedisShared
from voiceapp.status.metrics import Metrics
from voiceapp.throttle import Throttle
from voiceapp.vault import Vault


def assemble(
    settings: Settings,
    engine: Engine,
    client_for: ClientFor | None,
    resolve: Resolve,
    *,
    watch: bool,
) -> Runtime:
    """Return the parts of an application; what is not handed in is the real thing."""
    bounded, vault = Bounded(), Vault(settings.credentials_keys)
    shared = _shared(settings, vault)
    metrics = Metrics()
    around = _surroundings(settings, engine, bounded, vault, resolve)
    probing: Callable[[list[Step]], ClientFor]
    if client_for is None:
        client_for, probing = _client_maker(around), _probing(around)
    else:
        probing = partial(_given, client_for)
    clients = Clients(client_for, vault)
    breakers = Breakers(_boards(settings, shared))
    return Runtime(
        settings=settings,
        live=Live(engine, clients, bounded, settings.instance, metrics.followed),
        inquirer=Inquirer(clients, Lookup(memory=Memory(shared), breakers=breakers)),
        trying=Inquirer(clients, Lookup(), is_trying=True),
        breakers=breakers,
        probing=probing,
        door=around.door,
        shared=shared,
        deliveries=Deliveries(shared),
        journal=Journal(settings.instance / "journal", straight_to(engine), on_loss=metrics.lost),
        metrics=metrics,
        recordings=RecordingStore(engine, settings.instance / "recordings"),
        vault=vault,
        bounded=bounded,
        refusals=Refusals(),
        throttle=Throttle(shared),
        pending=PendingMemory(),
        watch=watch,
    )


def _shared(settings: Settings, vault: Vault) -> Shared:
    """Return what processes share through Redis, or nothing where there is none."""
    if not settings.redis_url:
        return NOTHING_SHARED
    return RedisShared(settings.redis_url, settings.credentials_keys[0], vault)


def _boards(settings: Settings, shared: Shared) -> tuple[Board, ...]:
    folder = FolderBoard(settings.instance / "breakers")
    return (folder,) if shared is NOTHING_SHARED else (SharedBoard(shared), folder)


def _given(client_for: ClientFor, steps: list[Step]) -> ClientFor:
    """Return clients that were handed in, which note nothing."""
    return client_for


def _surroundings(
    settings: Settings, engine: Engine, bounded: Bounded, vault: Vault, resolve: Resolve
) -> Surroundings:
    """Return what clients share: one door, and what is known of CRMs beyond this process."""

    def tokens(connection: Connection) -> Tokens:
        known = known_as(connection, settings.credentials_keys[0])
        return Tokens(DatabaseTokens(engine, bounded, vault, known))

    door = HttpDoor(
        allowed_hosts=settings.crm_allowed_hosts,
        ca_bundle=settings.crm_ca_bundle or None,
        resolve=resolve,
    )
    book = Shelf(engine, bounded).book
    return Surroundings(door, finder(engine), bounded, tokens=tokens, book=book)


def _probing(around: Surroundings) -> Callable[[list[Step]], ClientFor]:
    """Return what makes clients whose every request is noted."""

    def probing(steps: list[Step]) -> ClientFor:
        door = TracedDoor(around.door, steps)
        return _client_maker(replace(around, door=door))

    return probing


def _client_maker(around: Surroundings) -> ClientFor:
    def client_for(integration: Integration, secrets: Mapping[str, str], country: str) -> CrmClient:
        connection = Connection(
            integration.kind,
            integration.url,
            integration.options,
            secrets,
            country,
            integration.key,
        )
        return build_client(connection, around)

    return client_for
