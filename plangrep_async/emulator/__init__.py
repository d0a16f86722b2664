"""Both services and their storage on this machine, with faults on demand. Needs the extra ``emulator``."""

from __future__ import annotations

from .clock import EmulatorClock
from .emulator import Emulator, Ports
from .faults import Fault, FaultRule, FaultTable
from .log import Exchange, RequestLog, Violation, Violations
from .plangrep import PlangrepRateLimit, PlangrepSettings, WebhookSignature, WireNames, sign_webhook
from .plangrid import PlangridSettings
from .serve import serve
from .storage.errors import s3_fault
from .storage.s3 import S3Storage

__all__ = [
    "Emulator",
    "EmulatorClock",
    "Exchange",
    "Fault",
    "FaultRule",
    "FaultTable",
    "PlangrepRateLimit",
    "PlangrepSettings",
    "PlangridSettings",
    "Ports",
    "RequestLog",
    "S3Storage",
    "Violation",
    "Violations",
    "WebhookSignature",
    "WireNames",
    "s3_fault",
    "serve",
    "sign_webhook",
]
