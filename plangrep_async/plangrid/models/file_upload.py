"""Where to send a file.

Pages "The File Upload Object", "The Version Upload Object", "The File Upload Request Object".
"""

from __future__ import annotations

from attrs import field, frozen

from ..._records import ALSO
from ...session.redaction import redact_url
from .record import OpenEnum, Record

__all__ = [
    "FileUpload",
    "FileUploadRequest",
    "FileUploadStatus",
    "FormArguments",
    "FormField",
    "VersionUpload",
    "VersionUploadStatus",
]


@frozen
class FormField(Record):
    """A field of the storage's form.

    Attributes:
        name: any; nothing may be assumed about it.
        value: sent as it is. Not shown in the repr, it may be a signature.
    """

    name: str
    value: str = field(repr=False)


@frozen
class FormArguments(Record):
    """The form that the file goes into.

    Attributes:
        action: where to post it.
        fields: in the order to send them, before the file.
    """

    action: str
    fields: tuple[FormField, ...]


@frozen
class FileUpload(Record):
    """A place for one file, for a while.

    Attributes:
        uid: what the record of the file will be called. Its meaning for a sheet version's files is not documented.
        webhook_url: to be read when the file is stored; whoever knows it may complete the upload, so the repr
            hides its token.
        aws_post_form_arguments: the form.
    """

    uid: str
    webhook_url: str = field(repr=lambda url: repr(redact_url(url)))
    aws_post_form_arguments: FormArguments


class FileUploadStatus(OpenEnum):
    """Whether a file of a version is there."""

    ISSUED = "issued"
    CONSUMED = "consumed"


@frozen
class FileUploadRequest(Record):
    """One file of a version that is being uploaded.

    Attributes:
        uid: identifies it.
        url: to be posted to for a :class:`FileUpload`, as often as needed until the version is complete.
        status: whether the file is there. The examples call it ``upload_status``.
    """

    uid: str
    url: str
    status: FileUploadStatus | None = field(default=None, metadata={ALSO: ("upload_status",)})


class VersionUploadStatus(OpenEnum):
    """How far a version is."""

    INCOMPLETE = "incomplete"
    COMPLETE = "complete"
    ERRORED = "errored"


@frozen
class VersionUpload(Record):
    """A version of sheets that is being uploaded. It cannot be read again: keep it.

    Attributes:
        uid: identifies it.
        complete_url: to be posted to when all files are there.
        status: how far it is.
        file_upload_requests: one a file; missing in the answer to the completion.
    """

    uid: str
    complete_url: str | None = None
    status: VersionUploadStatus | None = None
    file_upload_requests: tuple[FileUploadRequest, ...] = ()
