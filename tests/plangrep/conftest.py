"""A service in memory that answers as told, the documented payloads, and clients that talk to either."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from plangrep_async.emulator import Emulator, PlangrepSettings
from plangrep_async.plangrep import PlangrepClient, Project
from plangrep_async.testing import ManualClock, ScaledClock

SAMPLES = Path(__file__).parent.parent / "samples" / "plangrep"
API = "/api/open/v1"
SPEED = 80.0  # a deadline of a minute is still most of a second, which a busy machine needs


class FakeService(httpx.AsyncBaseTransport):
    """Answers as told and remembers what it was asked."""

    url = "https://plangrep.test"

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.times: list[float] = []
        self.clock: ManualClock | None = None
        self._answers: dict[tuple[str, str], list[Any]] = {}

    def on(self, method: str, path: str, *answers: Any) -> None:
        """Answers in turn, the last for ever: JSON values, a status, a Response, an exception, a function."""
        self._answers[method, path if path.startswith("http") else API + path] = list(answers)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        if self.clock is not None:
            self.times.append(self.clock.monotonic())
        path = request.url.raw_path.decode().partition("?")[0]
        key = path if str(request.url).startswith(self.url) else f"{request.url.scheme}://{request.url.host}{path}"
        answers = self._answers.get((request.method, key))
        if not answers:
            return httpx.Response(404, json={"error": {"code": "not_found", "message": f"nothing at {key}"}})
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, int):
            return httpx.Response(answer, json={"error": {"code": "told_so", "message": "as the test wants it"}})
        if isinstance(answer, httpx.Response):
            # A response can be read once; this one may be given again.
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        return httpx.Response(200, json=answer)

    @property
    def seen(self) -> list[str]:
        """``METHOD path?query`` of each request, without the prefix of the API."""
        return [f"{request.method} {request.url.raw_path.decode().removeprefix(API)}" for request in self.requests]

    def body(self, index: int = -1) -> Any:
        """The JSON body of a request."""
        return json.loads(self.requests[index].content)


@pytest.fixture
def sample() -> Callable[[str], Any]:
    """A documented payload by its file's name."""
    return lambda name: json.loads((SAMPLES / f"{name}.json").read_text())


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def service(clock: ManualClock) -> FakeService:
    fake = FakeService()
    fake.clock = clock
    return fake


@pytest.fixture
async def client(service: FakeService, clock: ManualClock) -> AsyncIterator[PlangrepClient]:
    """A client of the service in memory, on a clock that stands still."""
    async with PlangrepClient(
        "pgk_test_secret", base_url=service.url, transport=service, clock=clock, random=lambda: 0.5
    ) as client:
        yield client


@pytest.fixture
def job() -> Callable[..., dict[str, Any]]:
    """A job as the service shows it."""
    return lambda status="awaiting_uploads", **more: {"id": "job_1", "projectId": "proj_1", "status": status, **more}


@pytest.fixture
def make_emulator() -> Iterator[Callable[..., Emulator]]:
    """Starts emulators whose clock runs as fast; all are stopped, and none may have failed by itself."""
    running: list[Emulator] = []

    def make(**settings: Any) -> Emulator:
        emulator = Emulator(speed=SPEED, plangrep=PlangrepSettings(**{"project_provisioning": 15.0, **settings}))
        emulator.start()
        running.append(emulator)
        return emulator

    yield make
    for emulator in running:
        emulator.stop()
        assert not emulator.failures


@pytest.fixture
def emulator(make_emulator: Callable[..., Emulator]) -> Emulator:
    return make_emulator()


@pytest.fixture
def scaled_clock() -> ScaledClock:
    return ScaledClock(SPEED)


@pytest.fixture
async def real(emulator: Emulator, scaled_clock: ScaledClock) -> AsyncIterator[PlangrepClient]:
    """A client of the emulator, whose clock runs as fast."""
    async with PlangrepClient(emulator.api_key, base_url=emulator.plangrep_url, clock=scaled_clock) as client:
        yield client


@pytest.fixture
async def project(real: PlangrepClient) -> Project:
    """A project that is ready."""
    created = await real.projects.create("My Construction Project")
    return await real.projects.wait_until_ready(created.project.id)


def _pdf(*pages: str) -> bytes:
    """A small real PDF; each page shows its lines of text."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{4 + 2 * index} 0 R" for index in range(len(pages)))
    objects.append(f"<< /Type /Pages /Count {len(pages)} /Kids [{kids}] >>".encode())
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for index, page in enumerate(pages):
        lines = "".join(f"({line}) Tj T*\n" for line in page.splitlines())
        content = f"BT /F1 12 Tf 14 TL 50 700 Td\n{lines}ET".encode()
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * index} 0 R"
            " /Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    made = b"%PDF-1.4\n"
    places: list[int] = []
    for number, item in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, item)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return made + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (len(objects) + 1, table, len(objects) + 1, len(made))
    )


@pytest.fixture
def pdf() -> Callable[..., bytes]:
    return _pdf
