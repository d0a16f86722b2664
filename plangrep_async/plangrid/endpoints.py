"""Every documented endpoint and the method of this package that calls it.

The methods' names are relative to a client; ``project`` stands for ``client.project(uid)``, and the names in brackets
are the arguments that make the path.
"""

from __future__ import annotations

from attrs import frozen

__all__ = ["ENDPOINTS", "Endpoint"]


@frozen
class Endpoint:
    """One endpoint.

    Attributes:
        method, path: as documented, uids in braces.
        call: the client's method.
    """

    method: str
    path: str
    call: str


def _project(method: str, path: str, call: str) -> Endpoint:
    return Endpoint(method, "/projects/{project_uid}" + path, "project." + call)


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("POST", "/batch", "batch"),
    Endpoint("POST", "/projects", "projects.create"),
    Endpoint("GET", "/projects", "projects.page"),
    Endpoint("GET", "/projects/{project_uid}", "projects.get"),
    Endpoint("PATCH", "/projects/{project_uid}", "projects.update"),
    _project("GET", "/annotations", "annotations.page"),
    _project("POST", "/attachments/uploads", "attachments.request_upload"),
    _project("GET", "/attachments/uploads/completions/{upload_token}", "attachments.complete_upload"),
    _project("GET", "/attachments", "attachments.page"),
    _project("GET", "/attachments/{attachment_uid}", "attachments.get"),
    _project("PATCH", "/attachments/{attachment_uid}", "attachments.update"),
    _project("DELETE", "/attachments/{attachment_uid}", "attachments.remove"),
    _project("GET", "/comments", "comments.page"),
    _project("GET", "/issues", "issues.page"),
    _project("GET", "/issues/{issue_uid}", "issues.get"),
    _project("GET", "/issues/{issue_uid}/comments", "issues.comments(issue_uid).page"),
    _project("GET", "/issues/{issue_uid}/photos", "issues.photos(issue_uid).page"),
    _project("POST", "/photos/uploads", "photos.request_upload"),
    _project("GET", "/photos/uploads/completions/{upload_token}", "photos.complete_upload"),
    _project("GET", "/photos", "photos.page"),
    _project("GET", "/photos/{photo_uid}", "photos.get"),
    _project("PATCH", "/photos/{photo_uid}", "photos.update"),
    _project("DELETE", "/photos/{photo_uid}", "photos.remove"),
    _project("POST", "/rfis", "rfis.create"),
    _project("GET", "/rfis", "rfis.page"),
    _project("GET", "/rfis/{rfi_uid}", "rfis.get"),
    _project("GET", "/rfis/{rfi_uid}/attachments", "rfis.attachments(rfi_uid).page"),
    _project("GET", "/rfis/{rfi_uid}/photos", "rfis.photos(rfi_uid).page"),
    _project("GET", "/rfis/{rfi_uid}/snapshots", "rfis.snapshots(rfi_uid).page"),
    _project("GET", "/rfis/{rfi_uid}/comments", "rfis.comments(rfi_uid).page"),
    _project("GET", "/rfis/{rfi_uid}/history", "rfis.history(rfi_uid).page"),
    _project("PATCH", "/rfis/{rfi_uid}", "rfis.update"),
    _project("POST", "/rfis/{rfi_uid}/attachments", "rfis.attachments(rfi_uid).add"),
    _project("DELETE", "/rfis/{rfi_uid}/attachments/{uid}", "rfis.attachments(rfi_uid).remove"),
    _project("POST", "/rfis/{rfi_uid}/photos", "rfis.photos(rfi_uid).add"),
    _project("DELETE", "/rfis/{rfi_uid}/photos/{uid}", "rfis.photos(rfi_uid).remove"),
    _project("DELETE", "/rfis/{rfi_uid}/snapshots/{uid}", "rfis.snapshots(rfi_uid).remove"),
    _project("GET", "/rfis/statuses", "rfi_statuses.page"),
    _project("PATCH", "/rfis/statuses/{status_uid}", "rfi_statuses.update"),
    _project("GET", "/roles", "roles.page"),
    _project("GET", "/roles/{role_uid}", "roles.get"),
    _project("POST", "/sheets/uploads", "sheets.request_version"),
    _project("POST", "/sheets/uploads/{version_uid}/files/{file_request_uid}", "sheets.request_file"),
    _project("GET", "/sheets/uploads/files/completions/{upload_token}", "sheets.complete_file"),
    _project("POST", "/sheets/uploads/{version_uid}/completions", "sheets.complete_version"),
    _project("GET", "/sheets", "sheets.page"),
    _project("GET", "/sheets/{sheet_uid}", "sheets.get"),
    _project("POST", "/sheets/packets", "sheets.create_packet"),
    _project("GET", "/sheets/packets/{packet_uid}", "sheets.get_packet"),
    _project("GET", "/snapshots", "snapshots.page"),
    _project("GET", "/snapshots/{snapshot_uid}", "snapshots.get"),
    _project("DELETE", "/snapshots/{snapshot_uid}", "snapshots.remove"),
    _project("POST", "/users/invites", "users.invite"),
    _project("GET", "/users", "users.page"),
    _project("GET", "/users/{user_uid}", "users.get"),
    _project("PATCH", "/users/{user_uid}", "users.update"),
    _project("DELETE", "/users/{user_uid}", "users.remove"),
    Endpoint("GET", "/rate_limits", "rate_limits.page"),
)
