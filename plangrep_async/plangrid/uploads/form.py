"""The storage's form as a target for the upload engine. No I/O."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import Any, cast

from ...upload import PostFormTarget
from ..models import FileUpload
from ..timestamps import parse_timestamp

__all__ = ["form_target"]


def form_target(upload: FileUpload) -> PostFormTarget:
    """Where the file goes: the fields in the service's order, unknown ones and all, the file last.

    ``memo`` holds the record's uid and the URL of the completion.
    """
    form = upload.aws_post_form_arguments
    fields = tuple((field.name, field.value) for field in form.fields)
    expiry = _expiry(dict(fields).get("policy"))
    return PostFormTarget(
        url=form.action,
        fields=fields,
        expires_at=None if expiry is None else expiry.timestamp(),
        memo={"uid": upload.uid, "webhook_url": upload.webhook_url},
    )


def _expiry(policy: str | None) -> datetime | None:
    """When the form runs out, where its policy can be read; it is the storage's business otherwise."""
    if policy is None:
        return None
    try:
        conditions = json.loads(base64.b64decode(policy))
        return parse_timestamp(cast("dict[str, Any]", conditions)["expiration"])
    except (binascii.Error, ValueError, KeyError, TypeError):
        return None
