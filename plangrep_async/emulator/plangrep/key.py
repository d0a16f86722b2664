"""API keys."""

from __future__ import annotations

from typing import Any

from attrs import define

from .timestamps import iso

__all__ = ["SCOPES", "ApiKey"]

SCOPES = ("jobs:read", "jobs:write", "artifacts:read")


@define(eq=False)
class ApiKey:
    """A key of one organization. Times are seconds since 1970."""

    id: str
    secret: str
    label: str
    scopes: tuple[str, ...]
    organization: str
    created_at: float
    expires_at: float | None = None
    last_used_at: float | None = None
    last_used_ip: str | None = None
    revoked_at: float | None = None

    def usable(self, now: float) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def to_json(self) -> dict[str, Any]:
        """Without the secret."""
        return {
            "id": self.id,
            "label": self.label,
            "keyPrefix": self.secret[:13],
            "scopes": list(self.scopes),
            "createdByUserId": "usr_emulator",
            "hashVersion": "v1",
            "createdAt": iso(self.created_at),
            "expiresAt": iso(self.expires_at),
            "lastUsedAt": iso(self.last_used_at),
            "lastUsedIp": self.last_used_ip,
            "revokedAt": iso(self.revoked_at),
        }
