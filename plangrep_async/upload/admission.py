"""How many uploads are made ready before a transfer is free for them. For one event loop."""

from __future__ import annotations

import asyncio

from .ordering import LARGE, ReadyQueue

__all__ = ["Admission", "Ticket"]


class Ticket:
    """The right to hash a file and to ask for its slot; given back when its bytes begin to leave, or it ends."""

    __slots__ = ("_admission", "admitted", "held", "order", "size")

    def __init__(self, admission: Admission, size: int, order: int) -> None:
        self._admission = admission
        self.size = size
        self.order = order
        self.held = False
        self.admitted: asyncio.Future[None] | None = None

    def release(self) -> None:
        """Give it back; harmless when that was done."""
        if self.held:
            self.held = False
            self._admission.released(self)


class Admission:
    """Tickets, in the order of :class:`ReadyQueue`; large and small uploads are counted apart, so that neither waits
    for the other.

    Args:
        uploads: tickets of each kind out at once.
        size: bytes of each kind, after which no further upload is let in; two large ones always are.
    """

    def __init__(self, *, uploads: int, size: int) -> None:
        self._uploads = uploads
        self._size = size
        self._waiting: ReadyQueue[Ticket] = ReadyQueue()
        self._large = 0
        self._small = 0
        self._large_bytes = 0
        self._small_bytes = 0

    async def enter(self, size: int, order: int) -> Ticket:
        """Wait for a ticket. Cancellation: none is taken."""
        ticket = Ticket(self, size, order)
        if not len(self._waiting) and self._has_room(large=size >= LARGE):
            self._admit(ticket)
            return ticket
        ticket.admitted = asyncio.get_running_loop().create_future()
        self._waiting.push(ticket, size=size, order=order)
        self._let_in()
        try:
            await ticket.admitted
        except asyncio.CancelledError:
            ticket.release()
            raise
        return ticket

    def released(self, ticket: Ticket) -> None:
        """For :meth:`Ticket.release`."""
        if ticket.size < LARGE:
            self._small -= 1
            self._small_bytes -= ticket.size
        else:
            self._large -= 1
            self._large_bytes -= ticket.size
        self._let_in()

    def _has_room(self, *, large: bool) -> bool:
        if large:
            return self._large < 2 or (self._large < self._uploads and self._large_bytes < self._size)
        return self._small < self._uploads and self._small_bytes <= self._size

    def _admit(self, ticket: Ticket) -> None:
        ticket.held = True
        if ticket.size < LARGE:
            self._small += 1
            self._small_bytes += ticket.size
        else:
            self._large += 1
            self._large_bytes += ticket.size

    def _let_in(self) -> None:
        while self._waiting.large and self._has_room(large=True):
            self._pass_on(self._waiting.pop_large())
        while self._waiting.small and self._has_room(large=False):
            self._pass_on(self._waiting.pop_small())

    def _pass_on(self, ticket: Ticket) -> None:
        if ticket.admitted is not None and not ticket.admitted.done():
            self._admit(ticket)
            ticket.admitted.set_result(None)
