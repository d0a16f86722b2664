"""How far uploads have come."""

from __future__ import annotations

from attrs import field, frozen

__all__ = ["FileProgress", "UploadProgress"]


@frozen
class FileProgress:
    """One upload that is being sent.

    Attributes:
        name: its first file's name.
        size: bytes of all its files.
        bytes_sent: written to the wire and not lost again: bytes of a failed attempt are taken back.
        bytes_confirmed: acknowledged by the far end.
    """

    name: str
    size: int
    bytes_sent: int
    bytes_confirmed: int


@frozen
class UploadProgress:
    """All uploads of one run.

    Attributes:
        uploads_done: stored.
        uploads_failed: failed or cancelled.
        uploads_known: taken from the iterable so far, ended ones included.
        all_known: the iterable has ended, so ``uploads_known`` and ``bytes_known`` are totals.
        bytes_known: bytes of the uploads known so far.
        bytes_sent: written to the wire and not lost again.
        bytes_confirmed: acknowledged by the far end.
        bytes_given_up: what uploads that have failed will send no more of.
        seconds: since the run began.
        rate: bytes confirmed or on their way a second, over the last seconds; 0 when nothing moves.
        active: uploads that are being sent at this moment.
        final: the last of its run; always given.
    """

    uploads_done: int
    uploads_failed: int
    uploads_known: int
    all_known: bool
    bytes_known: int
    bytes_sent: int
    bytes_confirmed: int
    seconds: float
    rate: float
    bytes_given_up: int = 0
    active: tuple[FileProgress, ...] = field(default=(), repr=False)
    final: bool = False

    @property
    def seconds_left(self) -> float | None:
        """For all that is known, at the present rate; ``None`` while that cannot be said."""
        if not self.all_known or self.rate <= 0:
            return None
        return max(0, self.bytes_known - self.bytes_given_up - self.bytes_sent) / self.rate
