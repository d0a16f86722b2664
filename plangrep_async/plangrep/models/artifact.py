"""Artifacts: files that the service made of the documents."""

from __future__ import annotations

from attrs import frozen

from .record import Record, secret_url

__all__ = ["Artifact"]


@frozen(kw_only=True)
class Artifact(Record):
    """An entry of an ``artifacts`` list; ``client.artifacts.download(url=artifact.url)`` fetches it.

    Attributes:
        type: for example ``thumbnail``, ``extracted_json``, ``vector_crop``.
        url: where it is; may carry a token.
        path: the value for the artifact routes, where the service names it apart (unverified).
    """

    bare_attribute = "url"

    type: str | None = None
    url: str | None = secret_url()
    path: str | None = None
