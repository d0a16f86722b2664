"""Which service a command talks to: the one that the environment names, or an emulator of its own."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from attrs import frozen

from ..errors import ConfigurationError

__all__ = ["Service", "plangrep_service"]


@frozen
class Service:
    """Base URL and key; ``None`` leaves it to the environment.

    Attributes:
        ready_interval: seconds between two readings of a project that is not ready.
        poll_interval: seconds between two readings of a job.
    """

    base_url: str | None = None
    api_key: str | None = None
    ready_interval: float = 10.0
    poll_interval: float = 15.0


@contextmanager
def plangrep_service(*, emulator: bool, base_url: str | None) -> Generator[Service]:
    """The Plangrep service; an emulator runs in this process for as long as the context."""
    if not emulator:
        yield Service(base_url=base_url)
        return
    if base_url is not None:
        raise ConfigurationError("--emulator and --base-url exclude each other: an emulator has its own address")
    try:
        from ..emulator import Emulator, PlangrepSettings
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"--emulator needs {error.name}: pip install 'plangrep-async[cli,emulator]'") from None
    # What takes minutes at the service takes moments here; what is a lifetime there stays one.
    quick = PlangrepSettings(
        project_provisioning=1.0, job_provisioning=0.0, preflight=0.5, pages_per_second=500.0, index_delay=0.5
    )
    with Emulator(plangrep=quick) as running:
        yield Service(running.plangrep_url, running.api_key, ready_interval=1.0, poll_interval=5.0)
