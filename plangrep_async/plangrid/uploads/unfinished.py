"""A version of sheets on its way: a value that can be saved and continued by another process. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve, frozen

from ...errors import InvalidInputError
from ...session.undocumented import Undocumented
from ...upload import Fingerprint, UploadFile
from ..models import FileUploadStatus, VersionUpload

__all__ = ["UnfinishedVersion", "VersionFile"]

_FORMAT = 1


@frozen
class VersionFile:
    """One file of a version.

    Attributes:
        name: as PlanGrid knows it.
        request_uid: the place that it was given.
        url: to be posted to for a form, as often as needed.
        fingerprint: of the source, so that another file is not taken for it.
        stored: whether PlanGrid has it.
    """

    name: str
    request_uid: str
    url: str
    fingerprint: Fingerprint
    stored: bool = False


@frozen
class UnfinishedVersion:
    """A version of sheets that is not complete.

    PlanGrid cannot be asked for it: this value is all there is. ``project.sheets.resume_version(unfinished)`` goes on
    with it. It holds no credentials.

    Attributes:
        project_uid, version_name: as given.
        upload: what PlanGrid handed out.
        files: which file goes where, and which are stored.
        completing: whether the completion was sent once already, so that a refusal may mean that it was accepted.
    """

    project_uid: str
    version_name: str
    upload: VersionUpload
    files: tuple[VersionFile, ...]
    completing: bool = False

    @property
    def missing(self) -> tuple[VersionFile, ...]:
        """The files that PlanGrid does not have yet."""
        return tuple(file for file in self.files if not file.stored)

    def with_stored(self, request_uid: str) -> UnfinishedVersion:
        """The same, one file more stored."""
        files = tuple(evolve(file, stored=True) if file.request_uid == request_uid else file for file in self.files)
        return evolve(self, files=files)

    def sources(self, project_uid: str, given: Sequence[UploadFile]) -> dict[str, UploadFile]:
        """The missing files by name: those that are given, and the others at their old paths.

        Raises :class:`~plangrep_async.errors.InvalidInputError` for another project, or a file that is nowhere.
        """
        if project_uid != self.project_uid:
            raise InvalidInputError(f"the version belongs to the project {self.project_uid}, not to {project_uid}")
        found = {file.name: file for file in given}
        for place in self.missing:
            if place.name not in found:
                if not place.fingerprint.path:
                    raise InvalidInputError(f"files: {place.name} is missing and was no file on disk; give it again")
                found[place.name] = UploadFile(place.fingerprint.path, name=place.name)
        return found

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return {
            "format": _FORMAT,
            "project_uid": self.project_uid,
            "version_name": self.version_name,
            "upload_uid": self.upload.uid,
            "complete_url": self.upload.complete_url,
            "completing": self.completing,
            "files": [
                {
                    "name": file.name,
                    "request_uid": file.request_uid,
                    "url": file.url,
                    "fingerprint": file.fingerprint.to_json(),
                    "stored": file.stored,
                }
                for file in self.files
            ],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> UnfinishedVersion:
        """What :meth:`to_json` gave. Raises :class:`~plangrep_async.errors.InvalidInputError` for anything else."""
        try:
            if value["format"] != _FORMAT:
                raise InvalidInputError(
                    f"the saved version has format {value['format']!r}, and this release reads {_FORMAT}; use the "
                    "release that wrote it"
                )
            complete_url = value["complete_url"]
            return cls(
                str(value["project_uid"]),
                str(value["version_name"]),
                VersionUpload(str(value["upload_uid"]), None if complete_url is None else str(complete_url)),
                tuple(
                    VersionFile(
                        str(file["name"]),
                        str(file["request_uid"]),
                        str(file["url"]),
                        Fingerprint.from_json(file["fingerprint"]),
                        bool(file["stored"]),
                    )
                    for file in value["files"]
                ),
                bool(value["completing"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, InvalidInputError):
                raise
            raise InvalidInputError(f"the saved version cannot be read ({error!r}); upload it anew") from error

    @classmethod
    def begun(
        cls, project_uid: str, version_name: str, upload: VersionUpload, files: Sequence[tuple[str, Fingerprint]]
    ) -> UnfinishedVersion:
        """What PlanGrid handed out, and the files in the order of their places. Raises ``ValueError`` if too few."""
        places = upload.file_upload_requests
        if len(places) < len(files):
            raise Undocumented(f"{len(files)} files were announced, and {len(places)} places came")
        return cls(
            project_uid,
            version_name,
            upload,
            tuple(
                VersionFile(name, place.uid, place.url, fingerprint, place.status == FileUploadStatus.CONSUMED)
                for (name, fingerprint), place in zip(files, places, strict=False)
            ),
        )
