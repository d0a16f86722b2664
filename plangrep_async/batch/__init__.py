"""Calls that wait at the same moment leave as one request: the coalescer, and the wire form of a batch."""

from .coalescer import Coalescer
from .explicit import Batchable, send_batch
from .statistics import CoalescerStatistics
from .wire import BatchFormat

__all__ = ["BatchFormat", "Batchable", "Coalescer", "CoalescerStatistics", "send_batch"]
