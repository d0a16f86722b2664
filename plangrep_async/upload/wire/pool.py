"""Connections kept for reuse, and the one call that sends a request."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from types import TracebackType

from .answer import WireAnswer
from .cancel import CancelToken
from .pacer import Pacer
from .request import WireRequest

__all__ = ["TransferPool"]


class TransferPool:
    """Sends requests from any number of threads, one connection a thread, and keeps idle connections for reuse.

    Opens nothing before the first :meth:`send`. The number of threads that call is the number of connections.

    Args:
        ssl_context: for https. The default is what ``httpx.create_ssl_context`` gives, built once, at first use.
        trust_env: obey HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR.
        proxy: ``http://[user:password@]host:port`` for every request; goes before the environment.
        connect_timeout: seconds for each address tried, and again for the TLS handshake and for a proxy's CONNECT.
        stall_timeout: seconds without any byte taken by the far end, after which the transfer is given up.
        answer_timeout: seconds without any byte of the answer once the whole body is out.
        min_rate: bytes a second; a transfer that is slower over ``stall_timeout`` seconds has stalled too. 0: off.
        block_size: bytes read and written at a time; each running transfer holds one block in memory.
        max_idle: connections kept for reuse, all origins together.
        idle_timeout: seconds after which an idle connection is not used again.
        pacer: a limit of bytes a second for all transfers of this pool.
    """

    def __init__(
        self,
        *,
        ssl_context: ssl.SSLContext | None = None,
        trust_env: bool = True,
        proxy: str | None = None,
        connect_timeout: float = 10.0,
        stall_timeout: float = 60.0,
        answer_timeout: float = 120.0,
        min_rate: float = 0.0,
        block_size: int = 1 << 20,
        max_idle: int = 64,
        idle_timeout: float = 15.0,
        pacer: Pacer | None = None,
    ) -> None:
        raise NotImplementedError

    def send(
        self,
        request: WireRequest,
        *,
        cancel: CancelToken | None = None,
        on_sent: Callable[[int], None] | None = None,
    ) -> WireAnswer:
        """Send one request, once, and read its final answer. Blocks the calling thread.

        Args:
            request: what to send.
            cancel: stops it from another thread.
            on_sent: called from this thread after each block with the number of **all** body bytes of this attempt
                that were given to the socket so far (not the increase).

        Raises:
            InvalidInputError: the URL or a header breaks a rule; nothing was sent.
            TransferConnectionError: could not connect, or the connection broke; ``nothing_sent`` when that is proven.
            TransferStalledError: the far end took or gave nothing for too long.
            TransferCancelledError: ``cancel`` was cancelled.
            SourceChangedError: the source is shorter than ``body.length`` or ``verify()`` said so.
            SourceUnreadableError: reading failed.

        After any error, and after an early answer, the connection is closed.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Close the idle connections; running transfers end by themselves and are closed, not kept."""
        raise NotImplementedError

    def __enter__(self) -> TransferPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
