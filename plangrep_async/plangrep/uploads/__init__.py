"""From files to stored documents of a job."""

from .registered_route import RegisteredRoute
from .report import FailedFile, JobUploadReport, UploadedFile

__all__ = ["FailedFile", "JobUploadReport", "RegisteredRoute", "UploadedFile"]
