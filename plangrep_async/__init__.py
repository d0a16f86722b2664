"""Asyncio client for the Plangrep open API and the PlanGrid API, with a concurrent upload engine."""

from . import errors
from ._clock import Clock, SystemClock
from ._version import __version__
from .config import RetryPolicy, Timeouts
from .errors import *  # noqa: F403
from .plangrep import PlangrepClient
from .plangrid import PlanGridClient
from .ratelimit import RateLimit, RateLimiter
from .session import NOT_GIVEN, CallOptions, Hooks, Secret
from .upload import UploadFile, UploadProgress, UploadScheduler, UploadSettings

__all__ = [
    "NOT_GIVEN",
    "CallOptions",
    "Clock",
    "Hooks",
    "PlanGridClient",
    "PlangrepClient",
    "RateLimit",
    "RateLimiter",
    "RetryPolicy",
    "Secret",
    "SystemClock",
    "Timeouts",
    "UploadFile",
    "UploadProgress",
    "UploadScheduler",
    "UploadSettings",
    "__version__",
    "errors",
]
__all__ += errors.__all__
