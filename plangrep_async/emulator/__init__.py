"""Both services and their storage on this machine, with faults on demand. Needs the extra ``emulator``."""

from __future__ import annotations

from .clock import EmulatorClock
from .emulator import Emulator, Ports
from .faults import Fault, FaultRule, FaultTable
from .log import Exchange, RequestLog, Violation, Violations
from .plangrep import PlangrepSettings
from .plangrid import PlangridSettings
from .storage.errors import s3_fault

__all__ = [
    "Emulator",
    "EmulatorClock",
    "Exchange",
    "Fault",
    "FaultRule",
    "FaultTable",
    "PlangrepSettings",
    "PlangridSettings",
    "Ports",
    "RequestLog",
    "Violation",
    "Violations",
    "s3_fault",
]
