"""From files to stored documents of a job."""

from .report import FailedFile, JobUploadReport, UploadedFile

__all__ = ["FailedFile", "JobUploadReport", "UploadedFile"]
