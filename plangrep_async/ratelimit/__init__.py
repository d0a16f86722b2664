"""Rate limits: windows of tokens, a limiter that serves calls in order, and what it learns from the server."""

from .limit import RateLimit, WindowSnapshot
from .limiter import RateLimiter
from .settings import LimiterSettings
from .statistics import LimiterStatistics, WindowStatistics
from .store import BucketStore, MemoryStore

__all__ = [
    "BucketStore",
    "LimiterSettings",
    "LimiterStatistics",
    "MemoryStore",
    "RateLimit",
    "RateLimiter",
    "WindowSnapshot",
    "WindowStatistics",
]
