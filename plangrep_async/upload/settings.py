"""The engine's numbers. Each says what it implies."""

from __future__ import annotations

from attrs import field, frozen

from .._checks import kind, number
from ..config import RetryPolicy

__all__ = ["UploadSettings"]

_MIB = 1 << 20


@frozen(kw_only=True)
class UploadSettings:
    """Bounds of an :class:`UploadScheduler`.

    Attributes:
        max_transfers: requests with file bytes on the wire at once, to all hosts together; also the number of worker
            threads, connections and files open for sending.
        min_transfers: to one host, however often it asks to slow down.
        start_transfers: to one host, before anything is known of it; from there the number adapts (one more while that
            raises the throughput, half after 429, 503 or a timeout).
        max_parts: parts of one file on the wire or ready for it, so that other files get their turn.
        memory: bytes that running transfers may hold. Each holds one block, and one more when its bytes come from an
            iterator, so at most ``memory / (2 * block_size)`` run at once, whatever the sizes of their files.
        block_size: bytes read and written at a time.
        lookahead: uploads taken from the caller's iterable and not yet handed out again as outcomes. Among these large
            ones go first, so a larger window finds large files earlier; each costs some 5 KB.
        ready_uploads: uploads that may have their digest and slot before a transfer is free for them. Slots expire, so
            this should not be more than what leaves within their life.
        ready_bytes: bytes of such uploads; at least two uploads are made ready whatever their size, so that the next
            file is hashed while this one is sent.
        disk_threads: threads that hash small files, and as many that hash large ones; one more looks at files and
            spools. Functions and file objects of the user's, which may be slow, are hashed in as many threads of their
            own, and looked at in up to ``max_transfers``.
        max_bandwidth: bytes a second for all transfers together; ``None`` for no limit.
        connect_timeout: seconds for each address, again for TLS and for a proxy.
        stall_timeout: seconds without a byte taken by the far end; then the attempt is given up and repeated.
        answer_timeout: seconds without a byte of the answer once the body is out.
        min_rate: bytes a second; an attempt slower than this over ``stall_timeout`` has stalled too. 0: off.
        retry: for each request; the count begins anew whenever bytes of its upload were confirmed.
        max_renewals: new targets in a row without a byte confirmed in between.
    """

    max_transfers: int = field(default=32, validator=number(least=1, whole=True))
    min_transfers: int = field(default=1, validator=number(least=1, whole=True))
    start_transfers: int = field(default=8, validator=number(least=1, whole=True))
    max_parts: int = field(default=8, validator=number(least=1, whole=True))
    memory: int = field(default=64 * _MIB, validator=number(least=1, whole=True))
    block_size: int = field(default=_MIB, validator=number(least=4096, whole=True))
    lookahead: int = field(default=256, validator=number(least=1, whole=True))
    ready_uploads: int = field(default=100, validator=number(least=1, whole=True))
    ready_bytes: int = field(default=256 * _MIB, validator=number(least=0, whole=True))
    disk_threads: int = field(default=2, validator=number(least=1, whole=True))
    max_bandwidth: float | None = field(default=None, validator=number(above=0, or_none=True))
    connect_timeout: float = field(default=10.0, validator=number(above=0))
    stall_timeout: float = field(default=60.0, validator=number(above=0))
    answer_timeout: float = field(default=120.0, validator=number(above=0))
    min_rate: float = field(default=0.0, validator=number(least=0))
    retry: RetryPolicy = field(factory=RetryPolicy, validator=kind(RetryPolicy))
    max_renewals: int = field(default=3, validator=number(least=0, whole=True))

    @property
    def on_wire(self) -> int:
        """Transfers at once that both ``max_transfers`` and ``memory`` allow; at least one."""
        return max(1, min(self.max_transfers, self.memory // (2 * self.block_size)))
