"""Both services and their storage on this machine, with faults on demand. Needs the extra ``emulator``.

::

    with Emulator(plangrep=PlangrepSettings.instant()) as emulator:
        emulator.faults.add("POST /api/open/v1/jobs/{jobId}/files", Fault.cut("after"), times=1)
        client = PlangrepClient(base_url=emulator.plangrep_url, api_key=emulator.api_key)
        ...
        assert emulator.plangrep.stored(document_id).sha256 == digest
        assert not emulator.violations

With ``speed=0`` time moves by ``emulator.clock.advance(seconds)`` alone. What the emulated services assume where their
documentation is silent stands in their packages' docstrings. An emulator in another process is driven over HTTP, see
:mod:`~plangrep_async.emulator.admin`.
"""

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
