"""What users need to test their own programs: clocks that stand still or run fast, and fakes."""

from .clock import ManualClock, settle
from .scaled import ScaledClock

__all__ = ["ManualClock", "ScaledClock", "settle"]
