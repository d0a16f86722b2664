"""Records: how the JSON of a service becomes values and values become JSON. What both services have in common."""

from .codec import Codec, find
from .enums import OpenEnum
from .record import ALSO, LOCAL, Record, private_url, vital

__all__ = ["ALSO", "LOCAL", "Codec", "OpenEnum", "Record", "find", "private_url", "vital"]
