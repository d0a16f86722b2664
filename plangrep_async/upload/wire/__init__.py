"""The data plane: one HTTP/1.1 request over a blocking socket, as fast and as safe as this machine allows.

:class:`TransferPool` sends a :class:`WireRequest` and gives a :class:`WireAnswer`, whatever its status: one attempt,
no redirect, no credential added, no retry. Everything here blocks; run it in worker threads.
"""

from .answer import WireAnswer
from .cancel import CancelToken
from .pacer import Pacer
from .pool import TransferPool
from .request import BlockSource, WireBody, WireRequest

__all__ = ["BlockSource", "CancelToken", "Pacer", "TransferPool", "WireAnswer", "WireBody", "WireRequest"]
