"""What the real S3 servers of the tests have in common: their processes, one bucket, and a look at what is stored."""

from __future__ import annotations

import abc
import hashlib
import random
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

    from ..upload import S3Signer

__all__ = ["S3Server", "free_ports"]

_START_SECONDS = 60.0


class S3Server(abc.ABC):
    """A context manager: started when entered, killed when left.

    Args:
        folder: where it keeps its data; the caller removes it.
        bucket: its name.

    Attributes:
        port, endpoint: of its S3 interface, on 127.0.0.1.
        access_key, secret_key: what it accepts.
    """

    def __init__(self, folder: Path, *, bucket: str) -> None:
        self.folder = folder
        self.bucket = bucket
        self.access_key = "AKIAEXAMPLE"
        self.secret_key = "an-example-secret"  # noqa: S105
        self.port = 0
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def endpoint(self) -> str:
        """``http://127.0.0.1:port``."""
        return f"http://127.0.0.1:{self.port}"

    @abc.abstractmethod
    def start(self) -> None:
        """Start its processes and wait until the bucket takes objects. Raises RuntimeError when it cannot."""

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill it: such servers take their time on any other signal, and the data is for tests."""
        while self._processes:
            process = self._processes.pop()
            process.kill()
            process.wait()

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

    def headers(self, key: str) -> Mapping[str, str]:
        """What a HEAD says of an object, names in lower case. Blocks; raises ``HTTPError`` when there is none."""
        url = self.signer().presign("HEAD", key, now=time.time())
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=30) as answer:  # noqa: S310
            return {name.lower(): value for name, value in answer.headers.items()}

    def sha256(self, key: str) -> str:
        """The SHA-256 of an object of any size, in hexadecimal. Blocks."""
        sha256 = hashlib.sha256()
        with urllib.request.urlopen(self.signer().presign("GET", key, now=time.time()), timeout=60) as answer:  # noqa: S310
            while block := answer.read(1 << 20):
                sha256.update(block)
        return sha256.hexdigest()

    def _launch(self, name: str, command: Sequence[str], *, env: Mapping[str, str] | None = None) -> None:
        """Start one of its processes; what it says goes to ``folder/name.out``."""
        with (self.folder / f"{name}.out").open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, cwd=self.folder, env=env)  # noqa: S603
        self._processes.append(process)

    def _wait_until_put(self, key: str, content: bytes = b"") -> None:
        """Until a PUT succeeds. Raises RuntimeError, with what was said, when a process ended or a minute has gone."""
        url = self.signer().presign("PUT", key, now=time.time())
        until = time.monotonic() + _START_SECONDS
        while all(process.poll() is None for process in self._processes) and time.monotonic() < until:
            try:
                with urllib.request.urlopen(urllib.request.Request(url, data=content, method="PUT"), timeout=5):  # noqa: S310
                    return
            except OSError:
                time.sleep(0.05)
        said = "\n".join(path.read_text(errors="replace")[-3000:] for path in sorted(self.folder.glob("*.out")))
        raise RuntimeError(f"{type(self).__name__} did not start:\n{said}")


def free_ports(count: int) -> list[int]:
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
