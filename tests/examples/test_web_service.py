from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest


@pytest.fixture
def service(example: Callable[[str], list[str]], environment: dict[str, str]) -> Iterator[httpx.Client]:
    """The web service with an emulator, and a client of it; it must end cleanly."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [*example("web_service.py"), "--emulator", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False) as client:
            wait_for(lambda: process.poll() is not None or is_up(client))
            yield client
    finally:
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=20)
        assert process.returncode in (0, -signal.SIGINT), output
        assert "Traceback" not in output, output


def is_up(client: httpx.Client) -> bool:
    try:
        return client.get("/documents/x").status_code == 404
    except httpx.TransportError:
        return False


def wait_for(condition: Callable[[], Any], seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


def test_a_document_is_streamed_and_followed(service: httpx.Client, documents: list[Path]) -> None:
    answer = service.post("/documents", params={"name": documents[0].name}, content=documents[0].read_bytes())
    assert answer.status_code == 202, answer.text
    place = answer.headers["location"]
    # The task reads the job once an hour, so only webhooks can have told it.
    wait_for(lambda: service.get(place).json()["status"] == "completed")
    wait_for(lambda: "pages" in service.get(place).json())
    assert service.get(place).json()["pages"] > 0


def test_what_it_refuses(service: httpx.Client) -> None:
    assert service.post("/documents", content=b"x").status_code == 400
    assert service.post("/documents", params={"name": "x"}, content=iter([b"x"])).status_code == 400
    assert service.post("/webhooks/plangrep/unknown", content=b"{}").status_code == 404
    made = service.post("/documents", params={"name": "a.txt"}, content=b"hello").json()
    forged = service.post(
        f"/webhooks/plangrep/{made['id']}", content=b"{}", headers={"X-Plangrep-Signature": "sha256=00"}
    )
    assert forged.status_code == 401
