"""What users need to test their own programs: clocks that stand still or run fast, and fakes."""

from .clock import ManualClock, settle
from .faultproxy import Fault, FaultProxy
from .radosgateway import RadosGateway
from .s3server import S3Server
from .scaled import ScaledClock
from .seaweedfs import SeaweedFS
from .transfer import FakeTransfer, SentRequest

__all__ = [
    "FakeTransfer",
    "Fault",
    "FaultProxy",
    "ManualClock",
    "RadosGateway",
    "S3Server",
    "ScaledClock",
    "SeaweedFS",
    "SentRequest",
    "settle",
]
