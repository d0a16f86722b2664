"""``plangrep-async emulator``: both services on this machine."""

from __future__ import annotations

import json
import signal
import sys
import threading

from ..errors import ConfigurationError
from .exits import OK

__all__ = ["serve"]


def serve(*, port: int, speed: float, as_json: bool) -> int:
    """Run the emulator until SIGINT or SIGTERM.

    Raises:
        ConfigurationError: the ``emulator`` extra is not installed.
    """
    try:
        from ..emulator import Emulator, Ports
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"the emulator needs {error.name}: pip install 'plangrep-async[emulator]'") from None
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    ports = Ports(port, port + 1, port + 2) if port else Ports()
    with Emulator(ports=ports, speed=speed) as emulator:
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
        stop.wait()
    return OK
