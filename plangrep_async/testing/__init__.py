"""What users need to test their own programs: a manual clock and fakes."""

from .clock import ManualClock, settle

__all__ = ["ManualClock", "settle"]
