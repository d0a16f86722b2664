"""The data plane: HTTP/1.1 requests with large bodies, as fast and as safe as this machine allows.

:class:`TransferPool` sends a :class:`WireRequest` and gives a :class:`WireAnswer`, whatever its status: one attempt,
no redirect, no credential added, no retry. Its ``send`` blocks; run it in a worker thread, one for each large body. For
many small ones, :class:`Multiplexer` runs ``TransferPool.steps`` of several requests in one thread.
"""

from .answer import WireAnswer
from .cancel import CancelToken
from .multiplex import Errand, Multiplexer
from .pacer import Pacer
from .pool import TransferPool
from .request import BlockSource, WireBody, WireRequest
from .wait import Steps, drive

__all__ = [
    "BlockSource",
    "CancelToken",
    "Errand",
    "Multiplexer",
    "Pacer",
    "Steps",
    "TransferPool",
    "WireAnswer",
    "WireBody",
    "WireRequest",
    "drive",
]
