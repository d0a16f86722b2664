from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from plangrep_async.emulator.routes import RouteTable


async def one(request: Request) -> Response:
    return Response()


async def two(request: Request) -> Response:
    return Response()


TABLE = RouteTable(
    [
        Route("/jobs/search", two),
        Route("/jobs/{jobId}", one, methods=["GET", "DELETE"]),
        Route("/{bucket}/{key:path}", two),
    ]
)


def test_the_first_route_wins_and_parameters_are_given() -> None:
    target = TABLE.find("GET", "/jobs/search")
    assert target is not None
    assert target.endpoint is two
    target = TABLE.find("DELETE", "/jobs/job_1")
    assert target is not None
    assert (target.template, target.endpoint, target.parameters) == ("/jobs/{jobId}", one, {"jobId": "job_1"})
    target = TABLE.find("HEAD", "/b/some/key")
    assert target is not None
    assert target.parameters == {"bucket": "b", "key": "some/key"}


def test_a_known_path_with_another_method_tells_the_allowed_ones() -> None:
    target = TABLE.find("PATCH", "/jobs/job_1")
    assert target is not None
    assert (target.endpoint, target.template, target.allowed) == (None, "/jobs/{jobId}", ["DELETE", "GET", "HEAD"])


@pytest.mark.parametrize("path", ["/", "/jobs", ""])
def test_an_unknown_path(path: str) -> None:
    assert TABLE.find("GET", path) is None
