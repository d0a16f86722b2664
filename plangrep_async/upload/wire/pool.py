"""The one call that sends a request, over a new or a kept connection."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable
from types import TracebackType

import httpx

from ...errors import (
    ClientClosedError,
    ConfigurationError,
    PlangrepAsyncError,
    TransferCancelledError,
)
from .answer import WireAnswer
from .blocks import Blocks
from .cancel import CancelToken
from .channel import Channel
from .dial import dial
from .exchange import Exchange, Limits
from .failure import annotate, explain
from .head import request_head
from .idle import IdleConnections
from .pacer import Pacer
from .parser import AnswerError, AnswerParser
from .proxy import Proxies, Proxy
from .request import WireRequest
from .stream import RequestStream
from .tls import TlsChannel
from .turnstile import Turnstile, cores
from .url import Origin, Target
from .wait import Steps, drive

__all__ = ["TransferPool"]

_KEPT_SESSIONS = 256


class TransferPool:
    """Sends requests from any number of threads, one connection a thread, and keeps idle connections for reuse.

    Opens nothing before the first :meth:`send`. The number of threads that call is the number of connections.

    Args:
        ssl_context: for https. The default is what ``httpx.create_ssl_context`` gives, built once, at first use.
        trust_env: obey HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR.
        proxy: ``http://[user:password@]host:port`` for every request; goes before the environment.
        connect_timeout: seconds for each address tried, and again for the TLS handshake and for a proxy's CONNECT.
        stall_timeout: seconds without any byte taken by the far end, after which the transfer is given up.
        answer_timeout: seconds without any byte of the answer once the whole body is out. An answer that has begun must
            end within ten times that.
        min_rate: bytes a second; a transfer that is slower over ``stall_timeout`` seconds has stalled too. 0: off.
        block_size: bytes read and written at a time; each running transfer holds one block in memory.
        max_idle: connections kept for reuse, all origins together.
        idle_timeout: seconds after which an idle connection is not used again; a server's ``Keep-Alive: timeout``
            lowers it.
        pacer: a limit of bytes a second for all transfers of this pool.

    Raises:
        ConfigurationError: a number that cannot work, or a proxy that is not spoken to (SOCKS).
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
        if min(connect_timeout, stall_timeout, answer_timeout, block_size) <= 0 or min(min_rate, max_idle) < 0:
            raise ConfigurationError("timeouts and block_size must be above 0, min_rate and max_idle not below 0")
        self._limits = Limits(connect_timeout, stall_timeout, answer_timeout, min_rate)
        self._idle_timeout = idle_timeout
        self._pacer = pacer
        self._trust_env = trust_env
        self._proxies = Proxies.from_environment(proxy, trust_env=trust_env)
        self._context = ssl_context
        self._context_lock = threading.Lock()
        self._idle = IdleConnections(limit=max_idle)
        self._sessions: dict[Origin, ssl.SSLSession] = {}
        self._blocks = Blocks(block_size)
        # One more place than there are cores: none of these is idle while the next thread wakes up.
        self._turnstile = Turnstile(cores() + 1)
        self._closed = False

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
            on_sent: called from this thread after each piece with the number of **all** body bytes of this attempt that
                were given to the socket so far (not the increase).

        Raises:
            InvalidInputError: the URL or a header breaks a rule; nothing was sent.
            TransferConnectionError: could not connect, or the connection broke; ``nothing_sent`` when that is proven.
            TransferStalledError: the far end took or gave nothing for too long.
            TransferCancelledError: ``cancel`` was cancelled.
            SourceChangedError: the source is shorter than ``body.length``, or its ``verify()`` said so.
            SourceUnreadableError: reading failed.
            ConfigurationError: the proxy that the environment names for this URL is not spoken to (SOCKS).
            ClientClosedError: :meth:`close` was called.

        After any error, and after an early answer, the connection is closed.
        """
        cancel = cancel or CancelToken()
        return drive(self.steps(request, cancel=cancel, on_sent=on_sent), cancel)

    def steps(
        self, request: WireRequest, *, cancel: CancelToken, on_sent: Callable[[int], None] | None = None
    ) -> Steps[WireAnswer]:
        """The same as a generator, for a driver that runs many transfers in one thread. Closing it cancels."""
        target = Target.parse(request.url)
        proxy = self._proxies.choose(target.origin)
        plain_proxy = proxy if target.origin.scheme == "http" else None
        head = request_head(
            request,
            target,
            through_proxy=plain_proxy is not None,
            proxy_auth=plain_proxy.authorization if plain_proxy else "",
        )
        if self._closed:
            raise ClientClosedError("the transfer pool is closed")
        key = (target.origin, proxy)
        stream = RequestStream(head, request.body)
        channel: Channel | None = None
        exchange: Exchange | None = None
        reused = kept = False
        try:
            channel = self._idle.take(key, time.monotonic())
            reused = channel is not None
            if channel is None:
                channel = yield from self._dial(target.origin, proxy)
            parser = AnswerParser(request.method)
            exchange = Exchange(channel, stream, parser, self._limits, cancel, on_sent, self._pacer)
            # A block is held while bytes leave, no longer: many small requests then pass through the same few, which
            # stay in the processor's cache.
            block = self._blocks.take(stream.total)
            if stream.total > len(block):
                exchange.turnstile = self._turnstile
            try:
                yield from exchange.send(block)
            finally:
                self._blocks.give(block)
            answer = yield from exchange.answer()
            if not reused:
                self._remember_session(target.origin, channel)
            if exchange.reusable:
                kept = True
                self._keep(key, channel, parser.idle_timeout)
            return answer
        except PlangrepAsyncError as error:
            annotate(error, request, exchange)
            raise
        except (OSError, AnswerError) as error:
            if cancel.cancelled:  # which shut the socket down
                raise annotate(TransferCancelledError("cancelled"), request, exchange) from error
            raise annotate(explain(error, target.origin, proxy, exchange, reused=reused), request, exchange) from error
        finally:
            if channel is not None and not kept:
                channel.close()

    def close(self) -> None:
        """Close the idle connections; running transfers end by themselves and are closed, not kept."""
        self._closed = True
        self._idle.close()
        self._blocks.clear()
        self._sessions.clear()

    def __enter__(self) -> TransferPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _dial(self, origin: Origin, proxy: Proxy | None) -> Steps[Channel]:
        session = self._sessions.get(origin)
        return dial(origin, proxy, self._ssl_context, self._limits.connect_timeout, session)

    def _keep(self, key: tuple[Origin, Proxy | None], channel: Channel, hint: float | None) -> None:
        now = time.monotonic()
        # A second less than the server says, as it may count from an earlier moment than we do.
        idle_for = self._idle_timeout if hint is None else min(self._idle_timeout, hint - 1)
        self._idle.put(key, channel, now, now + idle_for)

    def _remember_session(self, origin: Origin, channel: Channel) -> None:
        if isinstance(channel, TlsChannel) and (session := channel.session) is not None:
            if len(self._sessions) >= _KEPT_SESSIONS:
                self._sessions.clear()
            self._sessions[origin] = session

    def _ssl_context(self) -> ssl.SSLContext:
        if self._context is None:
            with self._context_lock:
                if self._context is None:
                    self._context = httpx.create_ssl_context(trust_env=self._trust_env)
        return self._context
