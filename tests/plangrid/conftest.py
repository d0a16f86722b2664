"""A service in memory, the documented payloads, and clients that talk to it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from plangrep_async.plangrid import PlanGridClient

SAMPLES = Path(__file__).parent.parent / "samples" / "plangrid"
API = "https://api.test"
PROJECT = "bafce976-8f33-437f-9c52-fb274456940f"


class Wire(httpx.AsyncBaseTransport):
    """Answers as told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self._answers: dict[tuple[str, str], list[Any]] = {}

    def answer(self, method: str, path: str, *answers: Any) -> None:
        """Answers in turn, the last one for ever: JSON values, a Response, an exception, or a function of the request.

        ``path`` is matched with its query first, then without.
        """
        self._answers[method, path] = list(answers)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        target = request.url.raw_path.decode()
        for path in (f"{request.url.scheme}://{request.url.netloc.decode()}{target}", target, request.url.path):
            if answers := self._answers.get((request.method, path)):
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                return await self._response(answer, request)
        return httpx.Response(404, json={"message": "There is nothing here."})

    async def _response(self, answer: Any, request: httpx.Request) -> httpx.Response:
        if callable(answer):
            answer = answer(request)
            if isinstance(answer, Awaitable):
                answer = await answer
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, httpx.Response):
            # A response can be read once; this one may be given again.
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        return httpx.Response(200, content=answer if isinstance(answer, bytes) else json.dumps(answer).encode())

    @property
    def seen(self) -> list[str]:
        """``METHOD target`` of each request."""
        return [f"{request.method} {request.url.raw_path.decode()}" for request in self.requests]

    def bodies(self) -> list[Any]:
        """The JSON body of each request, ``None`` for none."""
        return [json.loads(request.content) if request.content else None for request in self.requests]


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def sample() -> Callable[[str], bytes]:
    """The bytes of a documented payload."""
    return lambda name: (SAMPLES / name).read_bytes()


@pytest.fixture
def api() -> str:
    return API


@pytest.fixture
def project_uid() -> str:
    return PROJECT


@pytest.fixture
async def make_client(wire: Wire) -> AsyncIterator[Callable[..., PlanGridClient]]:
    """Makes clients over the wire; they are closed at the end."""
    made: list[PlanGridClient] = []

    def make(**options: Any) -> PlanGridClient:
        options = {"base_url": API, "transport": wire, "learn_limits": "never", **options}
        if "access_token" not in options:
            options.setdefault("api_key", "key-of-the-test")
        client = PlanGridClient(**options)
        made.append(client)
        return client

    yield make
    for client in made:
        await client.aclose()


@pytest.fixture
def client(make_client: Callable[..., PlanGridClient]) -> PlanGridClient:
    return make_client()
