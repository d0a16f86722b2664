"""What tests may do to Plangrep from another process: ``/_emulator/plangrep/…``."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .errors import not_found
from .fields import json_body
from .key import SCOPES
from .state import ORGANIZATION, DownloadToken, State

__all__ = ["AdminRoutes", "issue_token"]


class AdminRoutes:
    """Credits, keys, download tokens."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """The routes, below the service's admin prefix."""
        return [
            Route("/credits", self._credits, methods=["POST"]),
            Route("/keys", self._keys, methods=["POST"]),
            Route("/download-tokens", self._tokens, methods=["POST"]),
        ]

    async def _credits(self, request: Request) -> Response:
        fields, _ = await json_body(request)
        organization = self._state.organizations[fields.optional_text("organization") or ORGANIZATION]
        if "set" in fields:
            organization.available = fields.integer("set", least=0)
        organization.available += fields.optional_integer("add", least=0) or 0
        return JSONResponse({"available": organization.available, "debited": organization.debited})

    async def _keys(self, request: Request) -> Response:
        fields, _ = await json_body(request)
        scopes = fields.strings("scopes")
        organization = fields.optional_text("organization") or ORGANIZATION
        key = self._state.add_key(
            fields.optional_text("label") or "test",
            SCOPES if scopes is None else tuple(scopes),
            organization=organization,
        )
        return JSONResponse({"key": key.to_json(), "plaintextKey": key.secret}, 201)

    async def _tokens(self, request: Request) -> Response:
        fields, _ = await json_body(request)
        token = issue_token(self._state, fields.text("jobId"), fields.text("path"))
        return JSONResponse({"token": token}, 201)


def issue_token(state: State, job_id: str, path: str) -> str:
    """A single-use download token; no documented call gives one out."""
    if job_id not in state.jobs:
        raise not_found("job")
    token = state.context.hex(40)
    state.tokens[token] = DownloadToken(job_id, path, state.now() + state.settings.download_token_lifetime)
    return token
