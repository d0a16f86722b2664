"""``plangrep-async emulator``: both services on this machine."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import httpx

from ..errors import ConfigurationError
from .exits import OK

if TYPE_CHECKING:
    from ..emulator import Emulator

__all__ = ["run_emulator"]


def run_emulator(*, port: int, speed: float, as_json: bool) -> int:
    """Run the emulator until SIGINT or SIGTERM, with a Plangrep project and, of PlanGrid, one with records and an empty
    one.

    Raises:
        ConfigurationError: the ``emulator`` extra is not installed, or a port is taken.
    """
    try:
        from ..emulator import Emulator, Ports, serve
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"the emulator needs {error.name}: pip install 'plangrep-async[emulator]'") from None

    def announce(emulator: Emulator) -> None:
        (full,) = emulator.plangrid.seed(1, seed=1, attachments=200, photos=20, sheets=5)
        (empty,) = emulator.plangrid.seed(1, seed=2, attachments=0, photos=0, sheets=0)
        addresses = {
            "PLANGREP_BASE_URL": emulator.plangrep_url,
            "PLANGREP_API_KEY": emulator.api_key,
            "PLANGREP_PROJECT": _project(emulator),
            "PLANGRID_BASE_URL": emulator.plangrid_url,
            "PLANGRID_API_KEY": emulator.api_key,
            "PLANGRID_PROJECT": full,
            "PLANGRID_EMPTY_PROJECT": empty,
            "storage": emulator.storage_url,
        }
        if as_json:
            sys.stdout.write(json.dumps(addresses) + "\n")
        else:
            for name, value in addresses.items():
                sys.stdout.write(f"export {name}={value}\n" if name.isupper() else f"# {name}: {value}\n")
        sys.stdout.flush()

    ports = Ports(port, port + 1, port + 2) if port else Ports()
    try:
        serve(Emulator(ports=ports, speed=speed), announce=announce)
    except OSError as error:
        raise ConfigurationError(
            f"the emulator cannot listen on port {port} and the next two: {error.strerror}"
        ) from None
    return OK


def _project(emulator: Emulator) -> str:
    answer = httpx.post(
        f"{emulator.plangrep_url}/api/open/v1/projects",
        headers={"Authorization": f"Bearer {emulator.api_key}", "Idempotency-Key": "rehearsal"},
        json={"name": "Rehearsal"},
        trust_env=False,
    )
    return str(answer.raise_for_status().json()["project"]["id"])
