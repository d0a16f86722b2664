"""``plangrep-async emulator``: both services on this machine."""

from __future__ import annotations

import json
import sys

from ..errors import ConfigurationError
from .exits import OK

__all__ = ["run_emulator"]


def run_emulator(*, port: int, speed: float, as_json: bool) -> int:
    """Run the emulator until SIGINT or SIGTERM.

    Raises:
        ConfigurationError: the ``emulator`` extra is not installed, or a port is taken.
    """
    try:
        from ..emulator import Emulator, Ports, serve
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"the emulator needs {error.name}: pip install 'plangrep-async[emulator]'") from None

    def announce(emulator: Emulator) -> None:
        addresses = {
            "PLANGREP_BASE_URL": emulator.plangrep_url,
            "PLANGREP_API_KEY": emulator.api_key,
            "PLANGRID_BASE_URL": emulator.plangrid_url,
            "PLANGRID_API_KEY": emulator.api_key,
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
