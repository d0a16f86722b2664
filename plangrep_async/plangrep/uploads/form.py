"""The ``metadata`` of a form upload ("Upload files"). No I/O."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ...upload import PreparedFile
from ..limits import check_classification, check_file_name

__all__ = ["form_metadata"]


def form_metadata(files: Sequence[PreparedFile], flow_id: str) -> str:
    """The JSON text that describes the file parts ``file0``, ``file1``, ...

    Args:
        flow_id: correlates repetitions in the service's own logs.

    Raises:
        InvalidInputError: a name cannot be written as JSON, or a classification is not documented.
    """
    described: list[dict[str, Any]] = []
    for index, prepared in enumerate(files):
        entry: dict[str, Any] = {
            "partName": f"file{index}",
            "fileName": check_file_name(prepared.name),
            "contentType": prepared.content_type,
        }
        classification = check_classification(prepared.file.classification)
        if classification is not None:
            entry["classification"] = classification.value
        if prepared.sha256 is not None:
            entry["sha256"] = prepared.sha256
        described.append(entry)
    return json.dumps({"clientUploadFlowId": flow_id, "files": described}, ensure_ascii=False)
