"""How the emulated Plangrep behaves. All durations are seconds of the emulator's clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from attrs import field, frozen, validators

__all__ = ["PlangrepRateLimit", "PlangrepSettings", "WebhookSignature", "WireNames"]


@frozen
class WireNames:
    """Names on the wire that no documentation page confirms. Change them to see what a client makes of it.

    Attributes:
        put_headers: the header map of a direct PUT, in an upload instruction.
        upload_id: the multipart upload's id, in an instruction and in its completion record.
        part_urls: the list of part URLs in an instruction.
        part_objects: parts as ``{"partNumber": 1, "url": …}``; else as plain strings in order.
        part_number: in a part object.
        part_url: in a part object.
        part_size: bytes of each part but the last.
        multipart_records: the list of multipart completions in the complete call.
        failed_records: the list of failed uploads in the complete call.
        batch_status: of a form upload.
    """

    put_headers: str = "headers"
    upload_id: str = "uploadId"
    part_urls: str = "partUrls"
    part_objects: bool = True
    part_number: str = "partNumber"
    part_url: str = "url"
    part_size: str = "partSize"
    multipart_records: str = "multipartUploads"
    failed_records: str = "failedUploads"
    batch_status: str = "status"


@frozen
class WebhookSignature:
    """How webhooks are signed; the documentation says only that they are.

    Attributes:
        header: carries the signature.
        timestamp_header: carries the Unix time in seconds; None sends none.
        algorithm: of the HMAC, as hashlib names it.
        encoding: of the digest.
        prefix: before the digest in the header.
        signed: what is signed; ``{timestamp}`` and ``{body}`` stand for the values sent.
        bare_secret: use the secret without its ``wss_``.
    """

    header: str = "X-Plangrep-Signature"
    timestamp_header: str | None = "X-Plangrep-Timestamp"
    algorithm: str = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = "sha256="
    signed: str = "{timestamp}.{body}"
    bare_secret: bool = False


@frozen
class PlangrepRateLimit:
    """At most ``limit`` requests of one key in each window of ``interval`` seconds.

    Attributes:
        retry_after: the form of the 429's header; None sends none.
    """

    limit: int
    interval: float
    retry_after: Literal["seconds", "date"] | None = "seconds"


@frozen(kw_only=True)
class PlangrepSettings:
    """Settings of the Plangrep service.

    Attributes:
        api_key: a key with all scopes.
        session_cookie: what the workspace key routes expect in ``plangrep_session``.
        project_provisioning: from creation to ``ready``; the documentation says one to two minutes.
        project_credits: charged for a project.
        credits: the organization's balance at the start.
        drawing_credits: for a drawing page.
        document_credits: for a document page.
        estimate_bytes_per_page: turns declared sizes into the pages for which preflight reserves credits.
        job_provisioning: from creation to ``awaiting_uploads``.
        job_lifetime: until a job expires, and with it its result.
        page_limit: pages of one job.
        max_files: of one job.
        max_bytes: declared bytes of one job.
        preflight: how long it takes.
        pages_per_second: how fast pages are processed.
        upload_timeout: how long preflight waits for registered documents whose completion never came.
        cancel_delay: how long a job under way takes to stop.
        index_delay: from the end of a job until source search works.
        retention_days: told in the profile.
        multipart_threshold: declared sizes from here on get ``multipart``.
        part_size: bytes of a part; grows so that there are never more than 10,000.
        url_lifetime: of signed URLs and upload tokens.
        download_token_lifetime: of artifact download tokens.
        content_limit: bytes of a document sent as Base64.
        deduplicate: the same bytes, registered again in the same job, get the same document.
        deduplicate_forms: so do the same bytes in a form; the documentation speaks of registrations alone.
        idempotency_window: how long keys are remembered.
        replay_secret: send ``webhookSigningSecret`` again when a create is replayed.
        artifact_links: what artifact URLs look like: the routes with ``path``, or single-use download tokens in project
            reads.
        minimum_poll_interval: reading an unchanged job more often is noted as a violation; 0 switches that off.
        rate_limits: none unless given.
        webhook_signature: how webhooks are signed.
        webhook_attempts: deliveries tried for one status change.
        webhook_timeout: real seconds for one delivery.
        webhook_loopback: accept ``http://127.0.0.1`` and the like besides HTTPS.
        page_fails: says for a file name and a page number (from 1) whether its processing fails.
        names: unverified names on the wire.
    """

    api_key: str = "pgk_test_emulator"
    session_cookie: str = "emulator-session"
    project_provisioning: float = field(default=90.0, validator=validators.ge(0))
    project_credits: int = 50
    credits: int = 10_000_000
    drawing_credits: int = 10
    document_credits: int = 1
    estimate_bytes_per_page: int = field(default=200_000, validator=validators.gt(0))
    job_provisioning: float = field(default=2.0, validator=validators.ge(0))
    job_lifetime: float = field(default=7 * 86400.0, validator=validators.gt(0))
    page_limit: int = 50_000
    max_files: int = 100
    max_bytes: int = 10_000_000_000
    preflight: float = field(default=5.0, validator=validators.ge(0))
    pages_per_second: float = field(default=4.0, validator=validators.gt(0))
    upload_timeout: float = field(default=300.0, validator=validators.ge(0))
    cancel_delay: float = field(default=0.0, validator=validators.ge(0))
    index_delay: float = field(default=5.0, validator=validators.ge(0))
    retention_days: int = 30
    multipart_threshold: int = 5_000_000_000
    part_size: int = field(default=64 << 20, validator=validators.gt(0))
    url_lifetime: float = field(default=3600.0, validator=validators.gt(0))
    download_token_lifetime: float = field(default=900.0, validator=validators.gt(0))
    content_limit: int = 32 << 20
    deduplicate: bool = True
    deduplicate_forms: bool = False
    idempotency_window: float = field(default=86400.0, validator=validators.gt(0))
    replay_secret: bool = False
    artifact_links: Literal["path", "token"] = "path"
    minimum_poll_interval: float = field(default=5.0, validator=validators.ge(0))
    rate_limits: tuple[PlangrepRateLimit, ...] = ()
    webhook_signature: WebhookSignature = field(factory=WebhookSignature)
    webhook_attempts: int = field(default=5, validator=validators.ge(1))
    webhook_timeout: float = field(default=10.0, validator=validators.gt(0))
    webhook_loopback: bool = True
    page_fails: Callable[[str, int], bool] | None = None
    names: WireNames = field(factory=WireNames)

    @classmethod
    def instant(cls, **changes: Any) -> PlangrepSettings:
        """Everything that takes time takes none, and polling is not judged; ``changes`` override that."""
        values: dict[str, Any] = {
            "project_provisioning": 0.0,
            "job_provisioning": 0.0,
            "preflight": 0.0,
            "pages_per_second": float("inf"),
            "index_delay": 0.0,
            "minimum_poll_interval": 0.0,
        }
        return cls(**{**values, **changes})
