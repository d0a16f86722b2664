"""Does an upload survive ``kill -9`` at any moment?

A subprocess uploads one file in parts to SeaweedFS and keeps its state in a JSON file. It is killed at random moments
and started again, until it comes to its end. Then the stored bytes are compared with the file's, and what was sent with
what had to be.

::

    python -m benchmarks.kill_resume                       # 2 GB, 20 kills
    python -m benchmarks.kill_resume --size 48 --kills 3   # in MB
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from plangrep_async.testing import SeaweedFS
from plangrep_async.upload import Path as Way
from plangrep_async.upload import S3Bucket, S3Credentials, S3Signer, UploadScheduler, UploadSettings, UploadState
from plangrep_async.upload.wire import Pacer, Steps, TransferPool, WireAnswer, WireRequest

QUICK = ["--size", "48", "--kills", "3"]

MIB = 1 << 20
KEY = "kill/resume.bin"
MAX_PARTS = 4


@frozen
class Report:
    """What came out.

    Attributes:
        kills: how many the upload survived.
        parts: of the file.
        parts_sent: begun, by all processes together.
        bytes_sent_again: the sizes of these, beyond the file's size.
        allowed_again: what was in flight at each kill, at most.
        identical: whether the stored bytes are the file's.
        confirmed_at_kills: the confirmed share of the file at each kill.
    """

    kills: int
    parts: int
    parts_sent: int
    bytes_sent_again: int
    allowed_again: int
    identical: bool
    seconds: float
    confirmed_at_kills: tuple[float, ...]

    @property
    def good(self) -> bool:
        return self.identical and self.bytes_sent_again <= self.allowed_again


def run(
    server: SeaweedFS, folder: Path, *, size: int, kills: int, part_size: int, bandwidth: float | None, seed: int
) -> Report:
    """Upload, kill, resume, compare."""
    chance = random.Random(seed)
    file, state, log = folder / "file.bin", folder / "state.json", folder / "parts.log"
    expected = _write(file, size, seed)
    log.touch()
    began = time.monotonic()
    survived = 0
    confirmed: list[float] = []
    # Progress at which to kill, spread over the whole file so that early, middle and late moments are all met.
    marks = sorted(chance.uniform(0.0, 0.95) for _ in range(kills))
    while True:
        process = _start(server, file, state, log, part_size=part_size, bandwidth=bandwidth)
        if survived == kills:
            if process.wait() != 0:
                raise RuntimeError("the last process failed; see its output above")
            break
        _wait_for(marks[survived] * size, state, process)
        time.sleep(chance.uniform(0.0, 0.15))
        if process.poll() is not None:
            process.wait()
            if process.returncode != 0:
                raise RuntimeError("a process failed by itself; see its output above")
            break
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        survived += 1
        confirmed.append(round(_confirmed(state) / size, 3))
    sent = [int(line) for line in log.read_text().splitlines()]
    return Report(
        kills=survived,
        parts=-(-size // part_size),
        parts_sent=len(sent),
        bytes_sent_again=sum(sent) - size,
        allowed_again=survived * MAX_PARTS * part_size,
        identical=server.sha256(KEY) == expected,
        seconds=round(time.monotonic() - began, 1),
        confirmed_at_kills=tuple(confirmed),
    )


def _write(path: Path, size: int, seed: int) -> str:
    """A file that differs everywhere, written fast; its SHA-256."""
    block = random.Random(seed).randbytes(MIB)
    sha256 = hashlib.sha256()
    with path.open("wb") as file:
        for number in range(-(-size // MIB)):
            piece = (number.to_bytes(8, "big") + block[8:])[: min(MIB, size - number * MIB)]
            file.write(piece)
            sha256.update(piece)
    return sha256.hexdigest()


def _start(
    server: SeaweedFS, file: Path, state: Path, log: Path, *, part_size: int, bandwidth: float | None
) -> subprocess.Popen[bytes]:
    arguments = [str(file), str(state), str(log), server.endpoint, server.bucket, str(part_size), str(bandwidth or 0)]
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.kill_resume", "--child", *arguments],
        env={**os.environ, "ACCESS_KEY": server.access_key, "SECRET_KEY": server.secret_key},
        cwd=Path(__file__).parent.parent,
    )


def _confirmed(state: Path) -> int:
    try:
        return UploadState.from_json(json.loads(state.read_text())).confirmed
    except FileNotFoundError:
        return 0


def _wait_for(confirmed: float, state: Path, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None and (not state.exists() or _confirmed(state) < confirmed):
        time.sleep(0.01)


class _Logged(TransferPool):
    """Notes each part in a file before its first byte leaves."""

    def __init__(self, log: Path, **options: Any) -> None:
        super().__init__(**options)
        self._log = log.open("a", buffering=1)

    def steps(self, request: WireRequest, **options: Any) -> Steps[WireAnswer]:
        if "partNumber=" in request.url and request.method == "PUT":
            self._log.write(f"{request.body.total}\n")
        return super().steps(request, **options)

    def close(self) -> None:
        super().close()
        self._log.close()


async def _child(file: str, state: str, log: str, endpoint: str, bucket: str, part_size: str, bandwidth: str) -> None:
    """Upload, from where the state file says."""
    kept = Path(state)
    resume = UploadState.from_json(json.loads(kept.read_text())) if kept.exists() else None

    def keep(new: UploadState) -> None:
        """In the place of the old one in one step: a kill leaves one of the two."""
        beside = kept.with_suffix(".new")
        beside.write_text(json.dumps(new.to_json()))
        beside.replace(kept)

    credentials = S3Credentials(os.environ["ACCESS_KEY"], os.environ["SECRET_KEY"])
    pacer = Pacer(float(bandwidth)) if float(bandwidth) else None
    pool = _Logged(Path(log), trust_env=False, pacer=pacer)
    async with UploadScheduler(UploadSettings(max_parts=MAX_PARTS), transfer=pool) as scheduler:
        s3 = S3Bucket(S3Signer(endpoint, bucket, credentials), scheduler)
        way = Way.MULTIPART
        upload = s3.upload(file, KEY, path=way, part_size=int(part_size), resume=resume, on_state=keep)
        await scheduler.upload(upload)
    pool.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=2000, help="of the file, in MB (default 2000)")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--part", type=int, default=8, help="size of a part, in MiB (default 8)")
    parser.add_argument("--bandwidth", type=float, help="of the uploading process, in MB a second (default: no limit)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--child", nargs=7, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        asyncio.run(_child(*arguments.child))
        return
    bandwidth = arguments.bandwidth and arguments.bandwidth * 1e6
    with tempfile.TemporaryDirectory() as folder, SeaweedFS(Path(folder), volume_size=1 << 30) as server:
        report = run(
            server,
            Path(folder),
            size=arguments.size * 1_000_000,
            kills=arguments.kills,
            part_size=arguments.part * MIB,
            bandwidth=bandwidth,
            seed=arguments.seed,
        )
    print(json.dumps({**asdict(report), "good": report.good}, indent=2))
    sys.exit(0 if report.good else 1)


if __name__ == "__main__":
    main()
