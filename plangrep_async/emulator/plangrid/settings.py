"""What can be set about the emulated service. Plain attributes; they may be changed while it runs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Literal

from attrs import define, field

from ..post_policy import SignatureVersion
from .oddities import Oddities
from .windows import DOCUMENTED_LIMITS, WindowLimit, WindowMode

__all__ = ["ADMIN", "ALL_RIGHTS", "COLLABORATOR", "POWER_COLLABORATOR", "BatchCounting", "PlangridSettings"]

BatchCounting = Literal["one", "entries", "each"]

ADMIN, POWER_COLLABORATOR, COLLABORATOR = "Admin", "Power Collaborator", "Collaborator"
"""The labels of the documented roles (page "Retrieve Roles on a Project")."""

ALL_RIGHTS: frozenset[str] = frozenset({"*"})

# Unverified: which role may do what is described on help pages that are no part of the API's documentation.
_RIGHTS: dict[str, frozenset[str]] = {
    ADMIN: ALL_RIGHTS,
    POWER_COLLABORATOR: frozenset(
        {
            "upload attachments",
            "update attachment",
            "upload photos",
            "update photo",
            "upload sheets",
            "write issues",
        }
    ),
    COLLABORATOR: frozenset({"upload photos", "write issues"}),
}


def _oddities(value: Oddities | bool | Iterable[str]) -> Oddities:
    return value if isinstance(value, Oddities) else Oddities(value)


def _limits(value: Iterable[WindowLimit]) -> tuple[WindowLimit, ...]:
    return tuple(value)


@define(kw_only=True)
class PlangridSettings:
    """Settings of the PlanGrid emulator. All seconds are those of the emulator's clock.

    Attributes:
        api_key: the key that is known from the start; its account is an admin of seeded projects.
        limits: rate limits of each key; an empty tuple for none.
        window_mode: ``"fixed"`` or ``"sliding"``.
        window_phase: seconds by which fixed windows are shifted against the clock.
        rate_limits_counts: whether ``GET /rate_limits`` counts itself (unverified).
        batch_counting: ``"one"``: a batch is one write; ``"entries"``: it takes what its entries would take alone, or
            is refused whole; ``"each"``: one write, and each entry is counted and refused by itself (unverified).
        clock_skew: seconds by which the service's clock is ahead; seen in ``Date``, ``reset`` and all timestamps.
        rights: what each role may do; ``ALL_RIGHTS`` for everything (unverified).
        oddities: which of the documentation's oddities to show; see :mod:`.oddities`. ``True``
            for all, or their names.
        refuse_unknown_fields: whether fields that the page does not list give 400 (unverified).
        annotationless: whether issues without an annotation are listed when the query does not say (true in 2017).
        max_body: bytes of a request's body; more is 413.
        slot_seconds: life of an upload token and of its S3 policy.
        signature_version: of the S3 forms; 2 until August 2020, 4 since.
        redirect: whether the S3 form asks for a redirect to the completion; else for ``success_status``.
        success_status: ``"200"``, ``"201"`` or ``"204"``.
        form_fields: further fields of the S3 form, sent by the client as they are. ``None`` for the documented ones,
            without the encryption on a real S3 server: test servers have no key for it.
        max_file: bytes of an uploaded file (``content-length-range``), or ``None``.
        attachment_types: content types of attachments (only PDF in 2017).
        photo_types: content types of photos.
        packet_seconds: how long a packet is ``incomplete``.
        packets_fail: whether new packets end as ``errored``.
        file_url_seconds: life of signed URLs of files (oddity ``signed_file_urls``).
        oauth_client: id and secret of the registered OAuth client.
        oauth_redirects: its redirect URIs; empty lets any pass.
        token_seconds: life of an OAuth access token (unverified).
        rotate_refresh_tokens: whether a refresh token works once only (unverified).
    """

    api_key: str = field(default="pgk_test_emulator", repr=False)
    limits: tuple[WindowLimit, ...] = field(default=DOCUMENTED_LIMITS, converter=_limits)
    window_mode: WindowMode = "fixed"
    window_phase: float = 0.0
    rate_limits_counts: bool = True
    batch_counting: BatchCounting = "one"
    clock_skew: float = 0.0
    rights: Mapping[str, Collection[str]] = field(factory=lambda: dict(_RIGHTS))
    oddities: Oddities = field(factory=Oddities, converter=_oddities)
    refuse_unknown_fields: bool = True
    annotationless: bool = True
    max_body: int = 4 * 1024 * 1024
    slot_seconds: float = 900.0
    signature_version: SignatureVersion = 4
    redirect: bool = True
    success_status: str = "201"
    form_fields: tuple[tuple[str, str], ...] | None = None
    max_file: int | None = None
    attachment_types: Collection[str] = ("application/pdf",)
    photo_types: Collection[str] = ("image/png", "image/jpeg")
    packet_seconds: float = 2.0
    packets_fail: bool = False
    file_url_seconds: float = 900.0
    oauth_client: tuple[str, str] = field(default=("emulator-client", "emulator-secret"), repr=False)
    oauth_redirects: tuple[str, ...] = ()
    token_seconds: float = 3600.0
    rotate_refresh_tokens: bool = True
