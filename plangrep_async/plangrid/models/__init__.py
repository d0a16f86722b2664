"""The records of the PlanGrid API."""

from .annotation import Annotation, AnnotationVisibility
from .attachment import Attachment
from .comment import Comment, CommentRecordType
from .field_report import FieldReport, FieldReportTemplate
from .file_upload import (
    FileUpload,
    FileUploadRequest,
    FileUploadStatus,
    FormArguments,
    FormField,
    VersionUpload,
    VersionUploadStatus,
)
from .issue import Issue, IssueStatus, IssueType
from .issue_list import IssueList
from .packet import Packet, PacketStatus
from .photo import Photo
from .project import Project, ProjectType
from .rate_limit import RateLimitStatus, RequestType
from .record import OpenEnum, Record
from .references import CollectionReference, RecordReference, UserReference
from .rfi import Rfi, RfiChange, RfiStatus
from .role import Role
from .sheet import Sheet, VersionSet
from .snapshot import Snapshot
from .user import Profile, User

__all__ = [
    "Annotation",
    "AnnotationVisibility",
    "Attachment",
    "CollectionReference",
    "Comment",
    "CommentRecordType",
    "FieldReport",
    "FieldReportTemplate",
    "FileUpload",
    "FileUploadRequest",
    "FileUploadStatus",
    "FormArguments",
    "FormField",
    "Issue",
    "IssueList",
    "IssueStatus",
    "IssueType",
    "OpenEnum",
    "Packet",
    "PacketStatus",
    "Photo",
    "Profile",
    "Project",
    "ProjectType",
    "RateLimitStatus",
    "Record",
    "RecordReference",
    "RequestType",
    "Rfi",
    "RfiChange",
    "RfiStatus",
    "Role",
    "Sheet",
    "Snapshot",
    "User",
    "UserReference",
    "VersionSet",
    "VersionUpload",
    "VersionUploadStatus",
]
