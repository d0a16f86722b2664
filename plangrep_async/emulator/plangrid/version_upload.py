"""Uploading a new version of sheets, in four steps, and publishing it as an administrator does in the app.

Documentation pages "Uploading a New Version", "The Version Upload Object", "The File Upload Request Object".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from .fields import filled_text, known_fields
from .links import Links, Person
from .message import ApiError, Reply, show
from .router import Right, Route
from .sheet import Sheet, VersionSet
from .slot import Slot, complete_slot, issue_slot

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from .project import Project
    from .visit import Visit
    from .world import World

__all__ = ["ROUTES", "FileRequest", "VersionUpload", "publish"]

_MAX_FILES = 10_000


@define
class FileRequest:
    """One file of a version. ``stored`` is the uid under which the world knows its bytes."""

    uid: str
    file_name: str | None = None
    stored: str | None = None

    @property
    def status(self) -> str:
        return "issued" if self.stored is None else "consumed"


@define
class VersionUpload:
    """A version on its way.

    Attributes:
        status: ``incomplete``, ``complete`` or ``errored``.
        published: whether its sheets exist.
    """

    uid: str
    project_uid: str
    version_name: str
    owner: Person
    files: list[FileRequest] = field(factory=list)
    status: str = "incomplete"
    published: bool = False

    def file(self, uid: str) -> FileRequest | None:
        return next((item for item in self.files if item.uid == uid.lower()), None)


def publish(world: World, project: Project, upload: VersionUpload, pages: list[int]) -> list[Sheet]:
    """Make sheets of a complete version, one for each page. ``pages``: page counts of the files, in order."""
    version = VersionSet(world.new_uid(), upload.version_name, world.now(), upload.owner)
    project.version_sets.insert(0, version)
    sheets: list[Sheet] = []
    for request, count in zip(upload.files, pages, strict=True):
        stem = (request.file_name or request.uid).removesuffix(".pdf")
        for page in range(count):
            sheet = Sheet(
                uid=world.new_uid(),
                name=stem if count == 1 else f"{stem}-{page + 1}",
                description="",
                tags=(),
                version=version,
                uploaded_file_name=request.file_name or "",
                history_set_uid=world.new_uid(),
            )
            sheets.append(project.sheets.add(sheet))
            world.note_created("sheet", project.uid, sheet.uid)
    upload.published = True
    return sheets


def _create(visit: Visit) -> Reply:
    known_fields(visit, ("num_files", "version_name"))
    number = visit.body.get("num_files")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number <= _MAX_FILES:
        raise ApiError(400, f"Number of files ({show(number)}) must be a positive integer.")
    name = filled_text(visit.body, "version_name", "Version name")
    world, project = visit.world, visit.project
    upload = VersionUpload(world.new_uid(), project.uid, name, visit.caller.account.person)
    upload.files = [FileRequest(world.new_uid()) for _ in range(number)]
    world.version_uploads[upload.uid] = upload
    requests = [_render_request(visit.links, upload, item) for item in upload.files]
    return Reply(201, {**_render(visit, upload), "file_upload_requests": requests})


def _request_file(visit: Visit) -> Reply:
    upload = _find(visit)
    uid = visit.params["file_upload_request_uid"]
    request = upload.file(uid)
    if request is None:
        raise ApiError(404, f"File upload request ({uid}) does not exist on version upload ({upload.uid}).")
    known_fields(visit, ("file_name",))
    name = filled_text(visit.body, "file_name", "File name")
    if upload.status != "incomplete":  # unverified: the page only says that it works until then
        raise ApiError(409, f"Version upload ({upload.uid}) is {upload.status}.")
    return issue_slot(
        visit,
        kind="sheet file",
        bucket="plangrid-sheets",
        content_type="application/pdf",
        file_name=name,
        completions="sheets/uploads/files/completions",
        details={"version_upload_uid": upload.uid, "request_uid": request.uid, "file_name": name},
    )


def _complete_file(visit: Visit) -> Awaitable[Reply]:
    def consume(slot: Slot) -> Reply:
        upload = visit.world.version_uploads[slot.details["version_upload_uid"]]
        request = upload.file(slot.details["request_uid"])
        assert request is not None
        request.file_name = slot.details["file_name"]
        request.stored = slot.uid
        visit.world.note_created("sheet file", slot.project_uid, request.uid)
        return Reply(201, _render_request(visit.links, upload, request))  # unverified: no page shows the answer

    return complete_slot(visit, "sheet file", consume)


def _complete(visit: Visit) -> Reply:
    upload = _find(visit)
    open_files = [item.uid for item in upload.files if item.stored is None]
    if open_files:  # unverified: the page only demands that all files be uploaded
        raise ApiError(400, f"Version upload ({upload.uid}) is missing {len(open_files)} of {len(upload.files)} files.")
    if upload.status == "incomplete":
        upload.status = "complete"
        visit.world.note_created("version upload", upload.project_uid, upload.uid)
    return Reply(200, _render(visit, upload))


def _find(visit: Visit) -> VersionUpload:
    uid = visit.params["version_upload_uid"]
    upload = visit.world.version_uploads.get(uid.lower())
    if upload is None or upload.project_uid != visit.project.uid:
        raise visit.missing("Version upload", uid)
    return upload


def _render(visit: Visit, upload: VersionUpload) -> dict[str, Any]:
    url = f"{visit.links.project}/sheets/uploads/{upload.uid}"
    if "completions_suffix" in visit.world.settings.oddities:
        url += "/completions"
    return {"uid": upload.uid, "complete_url": url, "status": upload.status}


def _render_request(links: Links, upload: VersionUpload, request: FileRequest) -> dict[str, Any]:
    return {
        "uid": request.uid,
        "upload_status": request.status,
        "url": f"{links.project}/sheets/uploads/{upload.uid}/files/{request.uid}",
    }


_RIGHT = Right("upload sheets", "Insufficient permissions to upload sheets to project ({project_uid}).")
_PATH = "/projects/{project_uid}/sheets/uploads"
_ONE = f"{_PATH}/{{version_upload_uid}}"
_TOKEN = f"{_PATH}/files/completions/{{upload_token}}"

ROUTES = (
    Route("POST", _PATH, _create, "Upload Version to Project", right=_RIGHT, body="object"),
    Route(
        "POST",
        f"{_ONE}/files/{{file_upload_request_uid}}",
        _request_file,
        "Upload File to Version",
        right=_RIGHT,
        body="object",
    ),
    Route("GET", _TOKEN, _complete_file, "Complete File Upload to Version", by_token=True),
    # One client declares this method; the pages of its siblings say GET.
    Route("POST", _TOKEN, _complete_file, "Complete File Upload to Version", by_token=True),
    # The documented complete_url ends with the uid, later clients' with /completions.
    Route("POST", f"{_ONE}/completions", _complete, "Complete Version Upload to Project", right=_RIGHT),
    Route("POST", _ONE, _complete, "Complete Version Upload to Project", right=_RIGHT),
)
