"""API keys, managed by the web application with a session cookie."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .errors import PlangrepError, invalid, not_found
from .fields import json_body
from .key import SCOPES, ApiKey
from .state import ORGANIZATION, State
from .timestamps import iso, parse_iso

__all__ = ["KeyRoutes"]

COOKIE = "plangrep_session"
LONGEST_LABEL = 120


class KeyRoutes:
    """``/api/open-api/keys``."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._since = state.now()

    def routes(self) -> list[Route]:
        """The routes."""
        base = "/api/open-api/keys"
        return [
            Route(base, self._list),
            Route(base, self._create, methods=["POST"]),
            Route(f"{base}/revoke-all", self._revoke_all, methods=["POST"]),
            Route(f"{base}/{{keyId}}/revoke", self._revoke, methods=["POST"]),
        ]

    async def _list(self, request: Request) -> Response:
        self._admit(request)
        return JSONResponse({"keys": self._shown(), "profile": self._profile()})

    async def _create(self, request: Request) -> Response:
        self._admit(request)
        fields, _ = await json_body(request)
        label = fields.text("label", longest=LONGEST_LABEL)
        scopes = fields.strings("scopes")
        if not scopes or not set(scopes) <= set(SCOPES):
            raise invalid(f"scopes must name at least one of {', '.join(SCOPES)}")
        expires_at: float | None = None
        if (text := fields.optional_text("expiresAt")) is not None:
            try:
                expires_at = parse_iso(text)
            except ValueError as error:
                raise invalid("expiresAt must be an ISO 8601 time") from error
            if expires_at <= self._state.now():
                raise invalid("expiresAt must be in the future")
        key = self._state.add_key(label, tuple(dict.fromkeys(scopes)), expires_at=expires_at)
        return JSONResponse({"key": key.to_json(), "plaintextKey": key.secret}, 201)

    async def _revoke(self, request: Request) -> Response:
        self._admit(request)
        key = next((item for item in self._keys() if item.id == request.path_params["keyId"]), None)
        if key is None:
            raise not_found("key")
        self._end(key)
        return JSONResponse({"key": key.to_json()})

    async def _revoke_all(self, request: Request) -> Response:
        self._admit(request)
        for key in self._keys():
            self._end(key)
        return JSONResponse({"keys": self._shown()})

    def _end(self, key: ApiKey) -> None:
        if key.revoked_at is None:
            key.revoked_at = self._state.now()

    def _keys(self) -> list[ApiKey]:
        return [key for key in self._state.keys.values() if key.organization == ORGANIZATION]

    def _shown(self) -> list[dict[str, Any]]:
        return [key.to_json() for key in self._keys()]

    def _profile(self) -> dict[str, Any]:
        settings = self._state.settings
        return {
            "documentCreditsPerPage": settings.document_credits,
            "drawingCreditsPerPage": settings.drawing_credits,
            "enabled": True,
            "jobPageLimit": settings.page_limit,
            "retentionDays": settings.retention_days,
            "updatedAt": iso(self._since),
        }

    def _admit(self, request: Request) -> None:
        if request.cookies.get(COOKIE) != self._state.settings.session_cookie:
            raise PlangrepError(401, "unauthorized", "sign in first")
