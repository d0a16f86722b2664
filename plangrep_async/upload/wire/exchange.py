"""One request and its answer over a connection that is open."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from attrs import frozen

from ...errors import TransferCancelledError, TransferStalledError
from .answer import WireAnswer
from .cancel import CancelToken
from .channel import Channel, unacknowledged
from .pacer import Pacer
from .parser import AnswerError, AnswerParser
from .stream import RequestStream
from .wait import READ, WRITE, Steps, Wait
from .watchdog import Watchdog

__all__ = ["Exchange", "Limits"]

# How long an answer may take once it has begun, in answer timeouts: bounds a far end that gives a byte now and then.
# Storage services keep a connection awake in this way while they put parts together.
_ANSWER_TIMEOUTS = 10
_NO_TURNSTILE = nullcontext()


@frozen
class Limits:
    """Seconds of silence, bytes a second; see :class:`~plangrep_async.upload.wire.TransferPool`."""

    connect_timeout: float
    stall_timeout: float
    answer_timeout: float
    min_rate: float


class Exchange:
    """Sends one request and reads its answer; listens while it sends.

    Attributes:
        sent: body bytes that were given to the socket so far.
        reusable: the connection can carry another request.
        turnstile: passed with each piece that is sent.
    """

    def __init__(
        self,
        channel: Channel,
        stream: RequestStream,
        parser: AnswerParser,
        limits: Limits,
        cancel: CancelToken,
        on_sent: Callable[[int], None] | None = None,
        pacer: Pacer | None = None,
    ) -> None:
        self._channel = channel
        self._stream = stream
        self._parser = parser
        self._limits = limits
        self._cancel = cancel
        self._on_sent = on_sent
        self._pacer = pacer
        self.turnstile: AbstractContextManager[None] = _NO_TURNSTILE
        self._watchdog = Watchdog(time.monotonic(), limits.stall_timeout, limits.min_rate)
        self._written_before = channel.written
        self._complete = False
        self.sent = 0

    @property
    def nothing_sent(self) -> bool:
        """Whether it is proven that no byte of the request left."""
        return self._channel.written == self._written_before

    @property
    def unanswered(self) -> bool:
        """Whether not a single byte came back."""
        return not self._parser.started

    @property
    def reusable(self) -> bool:
        return self._complete and self._parser.done and self._parser.keep_alive

    def send(self, block: memoryview) -> Steps[None]:
        """Send, with ``block`` as the only memory for the body, until all is out or the head of the answer has come.

        Raises ``OSError`` when the connection breaks, and the transfer and source errors of this package.
        """
        try:
            yield from self._send(block)
        except (ConnectionError, ssl.SSLError):
            # The far end may have answered (413, 403) and then reset: what came before the reset can still be read.
            if not self._last_words():
                raise

    def answer(self) -> Steps[WireAnswer]:
        """Read the answer, after :meth:`send`.

        Raises ``OSError`` when the connection breaks, :class:`AnswerError` when the answer makes no sense or ends too
        early, and :class:`TransferStalledError`.
        """
        parser = self._parser
        try:
            yield from self._read_answer()
        except (OSError, AnswerError, TransferStalledError):
            # Of an early refusal the status is what counts: the rest may have been lost with the reset.
            if self._complete or parser.status < 400:
                raise
        return WireAnswer(
            status=parser.status,
            headers=parser.headers,
            content=parser.content,
            sent=self.sent,
            early=not self._complete,
            truncated=parser.truncated or not parser.done,
        )

    def _send(self, block: memoryview) -> Steps[None]:
        stream, channel = self._stream, self._channel
        while count := self._fill(block):
            if self.sent and self._listen():
                return
            done = 0
            while done < count:
                end = count if self._pacer is None else min(count, done + self._pacer.piece)
                if (yield from self._send_piece(block[done:end], stream.position - count + done)):
                    return
                done = end
        while True:
            try:
                channel.flush()
            except BlockingIOError:
                if (yield from self._wait()):
                    return
            else:
                break
        self._report(stream.total)
        self._complete = True

    def _fill(self, block: memoryview) -> int:
        before = time.monotonic()
        count = self._stream.fill(block)
        self._watchdog.excuse(time.monotonic() - before)
        return count

    def _report(self, position: int) -> None:
        sent = position - self._stream.head
        if sent > self.sent:
            self.sent = sent
            if self._on_sent is not None:
                self._on_sent(sent)

    def _send_piece(self, piece: memoryview, position: int) -> Steps[bool]:
        """Send what begins at ``position``, in its turn. Gives whether the head of the final answer came instead."""
        channel, count, done = self._channel, len(piece), 0
        now = time.monotonic()
        turn = None if self._pacer is None else self._pacer.take(count, now)
        try:
            if turn is not None and turn.begins > now:
                yield Wait(None, 0, turn.begins)
                self._watchdog.excuse(time.monotonic() - now)
            while done < count:
                if self._cancel.cancelled:
                    raise TransferCancelledError("cancelled")
                try:
                    with self.turnstile:  # not while reading: a disk that is slow must not hold up other files
                        taken = channel.transmit(piece[done:])
                except BlockingIOError:
                    if (yield from self._wait()):
                        return True
                    continue
                done += taken
                self._report(position + done - (taken if channel.unsent else 0))
        finally:
            if self._pacer is not None and turn is not None and done < count:
                self._pacer.give_back(turn, 1 - done / count)
        return False

    def _wait(self) -> Steps[bool]:
        """Wait until more can be sent. Gives whether the head of the final answer came instead."""
        sock = self._channel.sock
        events = yield Wait(sock, READ | WRITE, self._watchdog.look_at)
        if events & ~WRITE and self._listen():
            return True
        self._check_rate(time.monotonic())
        return False

    def _check_rate(self, now: float) -> None:
        if now >= self._watchdog.look_at and self._watchdog.stalled(now, self._delivered()):
            raise TransferStalledError(
                f"the far end took too little for {self._limits.stall_timeout:g} s "
                f"({self.sent} of {self._stream.total - self._stream.head} body bytes were given to the socket)"
            )

    def _listen(self) -> bool:
        """Read what has come, if anything. Gives whether the head of the final answer is complete."""
        try:
            data = self._channel.receive()
        except BlockingIOError:
            return False
        if not data:
            raise ConnectionAbortedError("the far end closed the connection while the body was being sent")
        self._parser.feed(data)
        return self._parser.status != 0

    def _last_words(self) -> bool:
        """After a failed send: whether the head of a final answer came before the connection broke."""
        try:
            while not self._parser.status:
                data = self._channel.receive()
                if not data:
                    return False
                self._parser.feed(data)
        except (OSError, AnswerError):
            return False
        return True

    def _read_answer(self) -> Steps[None]:
        parser, channel, timeout = self._parser, self._channel, self._limits.answer_timeout
        received = 0
        now = time.monotonic()
        watchdog = Watchdog(now, timeout)
        give_up_at = now + _ANSWER_TIMEOUTS * timeout
        while not parser.done:
            look_at = min(watchdog.look_at, self._watchdog.look_at) if self._trickling() else watchdog.look_at
            events = yield Wait(channel.sock, READ, look_at)
            if events:
                try:
                    data = channel.receive()
                except BlockingIOError:
                    continue
                if not data:
                    parser.end()
                    return
                parser.feed(data)
                received += len(data)
            now = time.monotonic()
            if self._trickling():
                self._check_rate(now)
            # While the kernel still hands our bytes over, the far end cannot answer: that is no silence.
            if now >= watchdog.look_at and watchdog.stalled(now, self._delivered() + received):
                missing = "the rest of the answer" if parser.started else "an answer to the complete body"
                raise TransferStalledError(f"{missing} did not come for {timeout:g} s")
            if not parser.started:
                give_up_at = now + _ANSWER_TIMEOUTS * timeout
            elif now > give_up_at:
                raise TransferStalledError(f"the answer did not end within {_ANSWER_TIMEOUTS * timeout:g} s")

    def _trickling(self) -> bool:
        """Whether ``min_rate`` holds although the socket has taken all: its buffer still holds some of the body."""
        wanted = self._limits.min_rate and self._complete and not self._parser.status
        return bool(wanted and unacknowledged(self._channel.sock))

    def _delivered(self) -> int:
        """Bytes of this request, TLS framing included, that the far end's TCP has acknowledged, as far as known."""
        return self._channel.written - self._written_before - unacknowledged(self._channel.sock)
