"""An emulator with a seeded project, and an httpx client that speaks to it as the documentation asks."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator

import httpx
import pytest

from plangrep_async.emulator import Emulator
from plangrep_async.emulator.plangrid import PlangridSettings

# Everything is plain HTTP here; a context with certificates takes 50 ms to make.
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

ACCEPT = "application/vnd.plangrid+json; version=1"

Connect = Callable[..., httpx.Client]


@pytest.fixture
def plangrid_settings() -> PlangridSettings:
    """Overridden where a module wants others; limits are off so that tests do not meet them by chance."""
    return PlangridSettings(limits=())


@pytest.fixture
def emulator(plangrid_settings: PlangridSettings) -> Iterator[Emulator]:
    with Emulator(plangrid=plangrid_settings, seed=1) as running:
        yield running
        assert running.failures == []


@pytest.fixture(scope="module")
def shared_emulator() -> Iterator[Emulator]:
    """For modules whose tests change nothing that another one sees: they let ``emulator`` return it."""
    with Emulator(plangrid=PlangridSettings(limits=()), seed=1) as running:
        yield running
        assert running.failures == []


@pytest.fixture
def project(emulator: Emulator) -> str:
    """The only seeded project."""
    if emulator.plangrid.projects:
        return emulator.plangrid.projects[0]
    [uid] = emulator.plangrid.seed(
        issues=60, rfis=30, photos=25, attachments=21, sheets=12, snapshots=9, comments=80, users=6, seed=7
    )
    return uid


@pytest.fixture
def connect(emulator: Emulator) -> Iterator[Connect]:
    """Makes clients; by default with the emulator's key."""
    clients: list[httpx.Client] = []

    def make(key: str | None = emulator.api_key, **headers: str) -> httpx.Client:
        auth = None if key is None else (key, "")
        client = httpx.Client(
            base_url=emulator.plangrid_url, auth=auth, headers={"Accept": ACCEPT, **headers}, verify=PLAIN
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def api(connect: Connect) -> httpx.Client:
    return connect()


@pytest.fixture
def bare() -> Iterator[httpx.Client]:
    """A client without credentials, as for S3."""
    with httpx.Client(verify=PLAIN) as client:
        yield client
