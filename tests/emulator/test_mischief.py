"""Every fault on the wire, as a client's socket sees it, and what the service had done."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from plangrep_async.emulator import Emulator, Fault

PROJECTS = "POST /api/open/v1/projects"
BODY = b'{"name": "Tower"}'


class Wire:
    """A raw connection to the Plangrep origin."""

    def __init__(self, emulator: Emulator) -> None:
        parts = urlsplit(emulator.plangrep_url)
        self._key = emulator.api_key
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=5)

    def head(self, length: int, body: bytes = b"") -> None:
        lines = ["POST /api/open/v1/projects HTTP/1.1", "Host: x", f"Authorization: Bearer {self._key}"]
        self.socket.sendall("\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode() + body)

    def send(self) -> None:
        self.head(len(BODY), BODY)

    def read_all(self) -> bytes:
        data = b""
        while block := self.socket.recv(65536):
            data += block
        return data


@pytest.fixture
def wire(emulator: Emulator) -> Iterator[Wire]:
    connection = Wire(emulator)
    with contextlib.closing(connection.socket):
        yield connection


@pytest.fixture
def api(emulator: Emulator, bare: httpx.Client) -> httpx.Client:
    bare.base_url = httpx.URL(emulator.plangrep_url)
    bare.headers["authorization"] = f"Bearer {emulator.api_key}"
    return bare


def created(emulator: Emulator) -> list[str]:
    return [project.name for project in emulator.plangrep.projects]


@pytest.mark.parametrize(("when", "effect"), [("before", False), ("read", False), ("after", True)])
def test_cut_without_an_answer(emulator: Emulator, wire: Wire, when: str, effect: bool) -> None:
    emulator.faults.add(PROJECTS, Fault.cut(when), times=1)  # type: ignore[arg-type]
    wire.send()
    assert wire.read_all() == b""
    assert created(emulator) == (["Tower"] if effect else [])
    [exchange] = emulator.requests.records(PROJECTS)
    assert (exchange.status, exchange.outcome) == (None, "cut")


@pytest.mark.parametrize("when", ["before", "read", "after"])
def test_reset_is_a_reset(emulator: Emulator, wire: Wire, when: str) -> None:
    emulator.faults.add(PROJECTS, Fault.reset(when), times=1)  # type: ignore[arg-type]
    wire.send()
    with pytest.raises(ConnectionResetError):
        wire.read_all()
    assert emulator.requests.records(PROJECTS)[0].outcome == "reset"


def test_cut_in_mid_body_after_so_many_bytes(emulator: Emulator, wire: Wire) -> None:
    emulator.faults.add(PROJECTS, Fault.cut("in_body", after_bytes=1000))
    wire.head(1_000_000)
    wire.socket.sendall(b"x" * 999)
    wire.socket.settimeout(0.1)
    with pytest.raises(TimeoutError):
        wire.socket.recv(1)
    wire.socket.settimeout(5)
    wire.socket.sendall(b"x")
    assert wire.read_all() == b""
    assert emulator.requests.records(PROJECTS)[0].received == 1000


def test_cut_in_mid_body_defaults_to_half(emulator: Emulator, wire: Wire) -> None:
    emulator.faults.add(PROJECTS, Fault.cut("in_body"))
    wire.head(100)
    wire.socket.sendall(b"x" * 50)
    assert wire.read_all() == b""


@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_break_in_the_middle_of_the_answer(emulator: Emulator, wire: Wire, kind: str) -> None:
    fault = Fault.cut("in_answer") if kind == "cut" else Fault.reset("in_answer")
    emulator.faults.add(PROJECTS, fault)
    wire.send()
    data = b""
    try:
        while block := wire.socket.recv(65536):
            data += block
    except ConnectionResetError:
        assert kind == "reset"
    else:
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        assert head.startswith(b"HTTP/1.1 202")
        assert len(body) == length // 2
    assert created(emulator) == ["Tower"]


def test_break_in_the_answer_after_so_many_bytes(emulator: Emulator, wire: Wire) -> None:
    emulator.faults.add(PROJECTS, Fault.cut("in_answer", after_bytes=7))
    wire.send()
    assert wire.read_all().partition(b"\r\n\r\n")[2] == b'{"proje'


def test_early_answer_while_the_client_still_sends(emulator: Emulator, wire: Wire) -> None:
    emulator.faults.add(PROJECTS, Fault.early(413, "too large", after_bytes=10))
    wire.head(10_000_000)
    wire.socket.sendall(b"x" * 10)
    answer = b""
    while not answer.endswith(b"too large"):
        answer += wire.socket.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413")
    # The rest is taken and dropped, and the connection serves the next request.
    wire.socket.sendall(b"x" * (10_000_000 - 10))
    emulator.faults.clear()
    wire.send()
    assert wire.socket.recv(65536).startswith(b"HTTP/1.1 202")


def test_early_answer_that_closes(emulator: Emulator, wire: Wire) -> None:
    emulator.faults.add(PROJECTS, Fault.early(503, after_bytes=1, close=True))
    wire.head(5)
    wire.socket.sendall(b"x")
    answer = wire.read_all()
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"connection: close" in answer


def test_an_answer_before_the_body_has_no_effect(emulator: Emulator, api: httpx.Client) -> None:
    emulator.faults.add(PROJECTS, Fault.answer(503, b"busy", retry_after=3), times=1)
    first = api.post("/api/open/v1/projects", json={"name": "Tower"})
    assert (first.status_code, first.headers["retry-after"], first.content) == (503, "3", b"busy")
    assert created(emulator) == []
    assert api.post("/api/open/v1/projects", json={"name": "Tower"}).status_code == 202


def test_an_answer_after_the_work_hides_it(emulator: Emulator, api: httpx.Client) -> None:
    emulator.faults.add(PROJECTS, Fault.answer(500, when="after"), times=1)
    assert api.post("/api/open/v1/projects", json={"name": "Tower"}).status_code == 500
    assert created(emulator) == ["Tower"]


def test_truncated_json_is_valid_http(emulator: Emulator, api: httpx.Client) -> None:
    emulator.faults.add(PROJECTS, Fault.truncated_json(), times=1)
    answer = api.post("/api/open/v1/projects", json={"name": "Tower"})
    assert answer.status_code == 202
    assert answer.headers["content-type"] == "application/json"
    assert answer.content.startswith(b'{"project"')
    with pytest.raises(ValueError):
        answer.json()


def test_html_and_empty_answers(emulator: Emulator, api: httpx.Client) -> None:
    emulator.faults.add(PROJECTS, Fault.html(), times=1)
    page = api.post("/api/open/v1/projects", json={"name": "Tower"})
    assert (page.status_code, page.headers["content-type"]) == (502, "text/html")
    assert created(emulator) == []
    emulator.faults.add(PROJECTS, Fault.empty(), times=1)
    empty = api.post("/api/open/v1/projects", json={"name": "Tower"})
    assert (empty.status_code, empty.content) == (202, b"")
    assert created(emulator) == ["Tower"]


def test_headers_can_be_forged(emulator: Emulator, api: httpx.Client) -> None:
    emulator.faults.add("GET *", Fault.with_headers({"Content-Type": "text/plain", "X-Odd": "1"}))
    answer = api.get("/api/open/v1/projects")
    assert (answer.status_code, answer.headers["content-type"], answer.headers["x-odd"]) == (200, "text/plain", "1")
    assert answer.json() == {"projects": []}


def test_latency_delays_and_counts_real_seconds(emulator: Emulator, api: httpx.Client) -> None:
    emulator.faults.add("GET *", Fault.latency(0.05))
    emulator.faults.add("GET *", Fault.latency(0.05, "after"))
    began = time.monotonic()
    assert api.get("/api/open/v1/projects").status_code == 200
    assert time.monotonic() - began >= 0.1


@pytest.mark.parametrize("when", ["before", "in_body", "read", "after", "in_answer"])
def test_a_stall_lasts_until_the_faults_are_cleared(emulator: Emulator, wire: Wire, when: str) -> None:
    emulator.faults.add(PROJECTS, Fault.stall(when))  # type: ignore[arg-type]
    wire.send()
    wire.socket.settimeout(0.1)
    received = b""
    with contextlib.suppress(TimeoutError):
        while block := wire.socket.recv(65536):
            received += block
    assert (received != b"") is (when == "in_answer")
    assert created(emulator) == (["Tower"] if when in ("after", "in_answer") else [])
    emulator.faults.clear()
    wire.socket.settimeout(5)
    received += wire.socket.recv(65536)
    assert received.startswith(b"HTTP/1.1 202")
    assert created(emulator) == ["Tower"]


def test_a_stall_in_mid_body_stops_reading(emulator: Emulator, wire: Wire) -> None:
    emulator.faults.add(PROJECTS, Fault.stall("in_body", after_bytes=1))
    wire.head(100_000_000)
    wire.socket.settimeout(0.2)
    sent = 0
    with contextlib.suppress(TimeoutError):
        while sent < 100_000_000:
            sent += wire.socket.send(b"x" * 1_000_000)
    assert sent < 50_000_000


def test_a_stalled_request_ends_when_its_client_leaves(emulator: Emulator, wire: Wire) -> None:
    emulator.faults.add(PROJECTS, Fault.stall())
    wire.send()
    while not emulator.requests.in_flight["plangrep"]:
        time.sleep(0.001)
    wire.socket.close()
    end = time.monotonic() + 5
    while emulator.requests.in_flight["plangrep"] and time.monotonic() < end:
        time.sleep(0.001)
    assert emulator.requests.in_flight["plangrep"] == 0
    assert emulator.requests.records(PROJECTS)[0].outcome == "disconnected"


def test_stopping_ends_stalled_requests() -> None:
    emulator = Emulator().start()
    emulator.faults.add("*", Fault.stall())
    outcome: list[Exception] = []

    def ask() -> None:
        try:
            httpx.get(emulator.plangrep_url, timeout=10)
        except httpx.TransportError as error:
            outcome.append(error)

    asker = threading.Thread(target=ask)
    asker.start()
    while not emulator.requests.in_flight["plangrep"]:
        time.sleep(0.001)
    began = time.monotonic()
    emulator.stop()
    asker.join(5)
    assert outcome
    assert time.monotonic() - began < 2


def test_a_client_that_leaves_in_mid_body_stores_nothing(emulator: Emulator, wire: Wire) -> None:
    wire.head(1000)
    wire.socket.sendall(b'{"name":')
    while not emulator.requests.in_flight["plangrep"]:
        time.sleep(0.001)
    wire.socket.close()
    end = time.monotonic() + 5
    while emulator.requests.in_flight["plangrep"] and time.monotonic() < end:
        time.sleep(0.001)
    assert created(emulator) == []
    assert emulator.requests.records(PROJECTS)[0].outcome == "disconnected"
