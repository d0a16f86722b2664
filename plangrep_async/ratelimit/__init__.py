"""Rate limits: windows of tokens, a limiter that serves calls in order, and what it learns from the server."""

from .limit import RateLimit, WindowSnapshot
from .limiter import RateLimiter
from .redis_store import RedisStore
from .settings import LimiterSettings
from .shared import Ask, SharedStore, Verdict
from .statistics import LimiterStatistics, WindowStatistics
from .store import BucketStore, MemoryStore

__all__ = [
    "Ask",
    "BucketStore",
    "LimiterSettings",
    "LimiterStatistics",
    "MemoryStore",
    "RateLimit",
    "RateLimiter",
    "RedisStore",
    "SharedStore",
    "Verdict",
    "WindowSnapshot",
    "WindowStatistics",
]
