"""The upload engine: moves files to wherever a service says, in parallel, bounded and resumable. It knows no service.

::

    async with UploadScheduler() as scheduler:
        await scheduler.upload(Upload("plan.pdf", PutTarget(url=presigned_url)))

        async for outcome in scheduler.run(uploads):     # any iterable of Upload, of any length
            print(outcome.file_name, outcome.status, outcome.error)
"""

from .file import FileSource, UploadFile, guess_content_type
from .fingerprint import Fingerprint
from .lane import LaneStatistics
from .outcome import Outcome, UploadReport
from .parts import ConfirmedPart, Part, choose_part_size, count_parts
from .plan import Path, Plan, plan
from .progress import FileProgress, UploadProgress
from .s3 import S3Bucket, S3Object
from .s3sign import S3Credentials, S3Signer
from .s3xml import complete_document
from .scheduler import UploadScheduler
from .settings import UploadSettings
from .state import UploadState
from .targets import FormTarget, MultipartTarget, PartRequest, PostFormTarget, PutTarget, Target
from .task import (
    NOT_STORED,
    UNKNOWN,
    Confirmation,
    PreparedFile,
    SendAgain,
    SlotRequest,
    StartOver,
    Stored,
    Unconfirmed,
    Upload,
    stored_as,
)
from .transfer import Transfer

__all__ = [
    "UploadScheduler",
    "UploadSettings",
    "Upload",
    "UploadFile",
    "FileSource",
    "guess_content_type",
    "Target",
    "PutTarget",
    "FormTarget",
    "PostFormTarget",
    "MultipartTarget",
    "PartRequest",
    "Part",
    "ConfirmedPart",
    "choose_part_size",
    "count_parts",
    "Path",
    "Plan",
    "plan",
    "SlotRequest",
    "PreparedFile",
    "Fingerprint",
    "Stored",
    "Unconfirmed",
    "Confirmation",
    "stored_as",
    "NOT_STORED",
    "UNKNOWN",
    "SendAgain",
    "StartOver",
    "UploadState",
    "Outcome",
    "UploadReport",
    "UploadProgress",
    "FileProgress",
    "Transfer",
    "LaneStatistics",
    "S3Bucket",
    "S3Credentials",
    "S3Object",
    "S3Signer",
    "complete_document",
]
