"""Emulators, clients that speak to them over real sockets, and a real S3 server as their storage."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from plangrep_async.emulator import Emulator, PlangrepSettings, S3Storage
from plangrep_async.testing import SeaweedFS


@pytest.fixture
def plangrep_settings() -> PlangrepSettings:
    """Overridden where a module wants others."""
    return PlangrepSettings()


@pytest.fixture
def emulator(plangrep_settings: PlangrepSettings) -> Iterator[Emulator]:
    """Its clock stands still; tests advance it."""
    with Emulator(speed=0, plangrep=plangrep_settings, seed=1) as running:
        yield running
        assert running.failures == []


@pytest.fixture
def bare() -> Iterator[httpx.Client]:
    """A client without credentials."""
    with httpx.Client(timeout=10, trust_env=False) as client:
        yield client


@pytest.fixture
def storage(seaweedfs: SeaweedFS) -> S3Storage:
    """A backend for an emulator: a real S3 server, which verifies what the emulator signs."""
    return S3Storage(seaweedfs.endpoint, seaweedfs.access_key, seaweedfs.secret_key)
