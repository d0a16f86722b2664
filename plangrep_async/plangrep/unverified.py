"""unverified: every wire name that no page of the documentation confirms.

The pages describe these fields in prose, or show that they exist; their names are not to be found. Each one is read in
all spellings of the table, and written in the first. Somebody who knows better overrides it, without waiting for a new
version of this package::

    names = WireNames({"UploadInstruction.headers": "signedHeaders"})
    client = PlangrepClient(wire_names=names)

``a.b`` reads ``b`` inside the object ``a``. How a webhook is signed is not documented either; there is no built-in
scheme, see :class:`~plangrep_async.plangrep.WebhookVerifier`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from attrs import field, frozen

from ..errors import ConfigurationError

__all__ = ["UNVERIFIED", "WireNames"]

UNVERIFIED: Mapping[str, tuple[str, ...]] = {
    # "Register uploads": the header map of a direct PUT, and all of signed multipart.
    "UploadInstruction.headers": ("uploadHeaders", "headers", "requiredHeaders", "requestHeaders", "signedHeaders"),
    "UploadInstruction.upload_id": (
        "uploadId",
        "multipartUploadId",
        "multipart.uploadId",
        "multipart.multipartUploadId",
    ),
    "UploadInstruction.parts": (
        "parts",
        "partUrls",
        "uploadParts",
        "uploadUrls",
        "multipart.parts",
        "multipart.partUrls",
    ),
    "UploadInstruction.part_size": ("partSize", "partSizeBytes", "chunkSize", "multipart.partSize"),
    "PartInstruction.part_number": ("partNumber", "number", "index"),
    "PartInstruction.url": ("url", "uploadUrl", "partUrl", "signedUrl"),
    "PartInstruction.size": ("size", "partSize", "contentLength"),
    "PartInstruction.headers": ("headers", "uploadHeaders", "requiredHeaders"),
    # "Complete uploads": the two further lists and their entries.
    "Completion.multipart_uploads": ("multipartUploads",),
    "Completion.failed_uploads": ("failedUploads",),
    "MultipartCompletion.upload_id": ("uploadId", "multipartUploadId"),
    "MultipartCompletion.parts": ("parts",),
    "CompletedPart.part_number": ("partNumber",),
    "CompletedPart.etag": ("etag", "eTag", "ETag"),
    "FailedCompletion.code": ("code", "errorCode"),
    "FailedCompletion.message": ("message", "errorMessage", "reason"),
    # "Upload files": the answer of a form upload.
    "UploadBatch.status": ("status", "batchStatus", "uploadStatus"),
    "StoredUpload.document_id": ("documentId", "id"),
    # Lists of project reads whose key is cut off.
    "lists.files": ("files", "items", "data"),
    "lists.sheets": ("sheets", "items", "data"),
    "lists.regions": ("regions", "items", "data"),
    "lists.specifications": ("specifications", "items", "data"),
    "lists.sections": ("sections", "items", "data"),
    "lists.docs": ("docs", "documents", "items", "data"),
    "PageInfo.start_cursor": ("startCursor", "firstCursor"),
    "PageInfo.end_cursor": ("endCursor", "lastCursor"),
    "PageInfo.has_previous_page": ("hasPreviousPage", "hasPrevious"),
    "PageInfo.has_next_page": ("hasNextPage", "hasNext"),
    # "Search projects": the answer is described without names.
    "lists.project_matches": ("projects", "matches", "results", "items"),
    "Page.returned_count": ("returnedCount", "returned", "count"),
    "Page.total": ("total", "totalCount"),
    "ProjectMatch.project": ("project",),
    "ProjectMatch.project_id": ("projectId", "id", "project.id"),
    "ProjectMatch.project_name": ("projectName", "name", "project.name"),
    "ProjectMatch.reasons": ("reasons", "matchReasons", "matchedBy"),
    "ProjectMatch.hits": ("hits", "sourceHits", "sources"),
    # "Search sources" and "Read source text".
    "SourceSearchResult.chunks_searched": ("chunksSearched", "searchedChunkCount", "searchedChunks", "chunkCount"),
    "SourceText.source": ("source", "sourceCatalogEntry"),
    "SourceText.text": ("text", "content"),
    # Entities of project reads.
    "ProjectRegion.title_box": ("titleBox", "titleBlockBox", "titleDisplayBox"),
    "Box.left": ("left", "x0", "xMin"),
    "Box.top": ("top", "y0", "yMin"),
    "Box.right": ("right", "x1", "xMax"),
    "Box.bottom": ("bottom", "y1", "yMax"),
    "Facet.key": ("facetKey", "key"),
    "Facet.kind": ("facetKind", "kind"),
    "Facet.label": ("facetLabel", "label"),
    "Facet.coverage": ("coverageKind", "coverage"),
    "Facet.text": ("facetText", "sourceText", "text"),
    "SpecificationSection.title": ("sectionTitle", "title"),
    "SpecificationSection.specification_id": ("specId", "specificationId"),
    "SpecificationSection.page_start": ("pageStart", "startPage"),
    "SpecificationSection.page_end": ("pageEnd", "endPage"),
    "SpecificationSection.text_length": ("textLength", "textCharCount"),
    "SpecificationSection.related_sections": ("relatedSections", "related"),
    "SectionProduct.supporting_requirements": ("supportingRequirements", "requirements"),
    # "Get job result": parts of the result whose sub-fields are cut off.
    "ResultUsage.successful_page_count": ("successfulPageCount",),
    "ResultUsage.drawing_credits_per_page": ("drawingCreditsPerPage", "creditsPerDrawingPage"),
    "ResultUsage.document_credits_per_page": ("documentCreditsPerPage", "creditsPerDocumentPage"),
    "ResultProblem.code": ("code", "errorCode", "warningCode"),
    "ResultProblem.message": ("message", "errorMessage", "description"),
    "Artifact.url": ("url", "href", "downloadUrl"),
    "Artifact.path": ("path", "artifactPath"),
    # The payload of a webhook is not documented at all.
    "webhook.job_id": ("jobId", "job.id", "data.jobId", "data.job.id", "payload.jobId", "payload.job.id", "job_id"),
}
"""Every unconfirmed name: all spellings that are read, the one that is written first."""


def _overrides(value: Mapping[str, str | Sequence[str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, spelling in value.items():
        if name not in UNVERIFIED:
            close = difflib.get_close_matches(name, UNVERIFIED, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ConfigurationError(f"wire_names: there is no unverified name {name!r}{hint}")
        spellings = (spelling,) if isinstance(spelling, str) else tuple(spelling)
        if not spellings or not all(spellings):
            raise ConfigurationError(f"wire_names: {name!r} needs at least one spelling, none of them empty")
        found[name] = spellings
    return found


@frozen
class WireNames:
    """The spellings of what the documentation does not name.

    Attributes:
        overrides: by the names of :data:`UNVERIFIED`: one spelling or several. They come before the built-in ones,
            which are still read. Raises :class:`~plangrep_async.ConfigurationError` for a name that is not there.
        complete_with_parts: whether the completion of a multipart upload lists its parts and their ETags. The
            documentation names three fields, and no such list, so it is left out unless you ask for it.
    """

    overrides: Mapping[str, str | Sequence[str]] = field(factory=dict, converter=_overrides)
    complete_with_parts: bool = False

    def find(self, name: str) -> tuple[str, ...] | None:
        """All spellings of one of the unverified names; ``None`` for a name that is not among them."""
        builtin = UNVERIFIED.get(name)
        override = self.overrides.get(name, ())
        return None if builtin is None else (*override, *(item for item in builtin if item not in override))
