"""What one client process is told to do, and what it tells of it: JSON, in and out."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

__all__ = ["FORM", "MULTIPART", "PART_SIZE", "PUT", "WAYS", "Job", "Result"]

PUT, MULTIPART, FORM = "put", "multipart", "form"
WAYS = (PUT, MULTIPART, FORM)
PART_SIZE = 16 << 20  # for every client


@frozen
class Job:
    """Send each of ``files`` once, ``at_once`` at a time, in the ``way`` named.

    Attributes:
        ca_file: the authority to trust; ``None`` for plain HTTP.
        files: path and size of each.
        watch: measure the lag of the event loop too (it costs some CPU of its own).
        options: for the client alone.
    """

    client: str
    url: str
    ca_file: str | None
    way: str
    at_once: int
    files: list[tuple[str, int]] = field(repr=False)
    watch: bool = False
    options: dict[str, Any] = field(factory=dict)

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return sum(size for _, size in self.files)


@frozen
class Result:
    """Figures of one client process, for the time between its first and its last byte.

    Attributes:
        seconds: wall time.
        cpu: seconds of user and system time, those of its own children included.
        sink_cpu: the same of the far end.
        peak: bytes of memory at most (``VmHWM``).
        growth: the same above what it had before the first upload.
        lag: of the event loop, milliseconds: median, 99th percentile, worst; ``None`` when it was not watched.
        note: anything else that the client tells.
    """

    seconds: float
    cpu: float
    peak: int
    growth: int
    lag: tuple[float, float, float] | None = None
    sink_cpu: float = 0.0
    note: dict[str, Any] = field(factory=dict)
