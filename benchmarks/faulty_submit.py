"""Does the main job survive a bad day?

``plangrep-async submit`` sends a folder while the emulator answers a share of all requests with 503, cuts a share of
all connections (before the request, in its body, before and in the answer), and lets one signed URL expire. Afterwards
every document must be stored once, byte for byte, and the job must be completed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from plangrep_async.emulator import Emulator, Fault, PlangrepSettings, s3_fault

QUICK = ["--files", "20", "--largest", "100MB", "--share", "0.15"]

_MAKE = Path(__file__).parent.parent / "examples" / "documents" / "make.py"


def run(files: int, largest: str, share: float, seed: int, folder: Path) -> dict[str, Any]:
    """Make the documents, submit them, compare every byte.

    Args:
        files: how many, from 10 KB to ``largest``, evenly over magnitudes.
        share: of the requests that get a 503, and again of those whose connection is cut.
    """
    documents = folder / "documents"
    subprocess.run(
        [sys.executable, _MAKE, documents, "--files", str(files), "--largest", largest, "--seed", str(seed)],
        check=True,
        capture_output=True,
    )
    expected = sorted(_digest(path) for path in documents.iterdir())
    settings = PlangrepSettings(
        project_provisioning=1.0, job_provisioning=0.0, preflight=1.0, pages_per_second=1e6, minimum_poll_interval=0.0
    )
    with Emulator(plangrep=settings, seed=seed, directory=folder) as emulator:
        busy = emulator.faults.add("*", Fault.answer(503), probability=share)
        cuts = [
            emulator.faults.add("*", fault, probability=share / 4)
            for fault in (Fault.cut("before"), Fault.reset("in_body"), Fault.cut("after"), Fault.cut("in_answer"))
        ]
        expired = emulator.faults.add(
            "PUT *", s3_fault("AccessDenied", "Request has expired"), service="storage", times=1
        )
        began = time.perf_counter()
        ended = subprocess.run(
            [sys.executable, "-m", "plangrep_async", "submit", documents, "--json"],
            env={**os.environ, "PLANGREP_BASE_URL": emulator.plangrep_url, "PLANGREP_API_KEY": emulator.api_key},
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - began
        emulator.faults.clear()
        stored = [document for document in emulator.plangrep.documents if document.content is not None]
        digests = sorted(emulator.plangrep.stored(document.id).sha256 for document in stored)
        return {
            "question": "faulty_submit",
            "exit_code": ended.returncode,
            "jobs": [str(job.status) for job in emulator.plangrep.jobs],
            "files": len(expected),
            "bytes": sum(path.stat().st_size for path in documents.iterdir()),
            "seconds": round(seconds, 1),
            "requests": sum(emulator.requests.counts().values()),
            "answers_503": busy.fired,
            "connections_cut": sum(rule.fired for rule in cuts),
            "urls_expired": expired.fired,
            "every_document_stored_once_byte_for_byte": digests == expected,
            "violations": sorted(emulator.violations.kinds()),
            "problems": [line for line in ended.stderr.splitlines() if line],
        }


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=60)
    parser.add_argument("--largest", default="300MB")
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = run(arguments.files, arguments.largest, arguments.share, arguments.seed, Path(folder))
    print(json.dumps(result, indent=2))
    sys.exit(0 if result["every_document_stored_once_byte_for_byte"] and result["exit_code"] == 0 else 1)


if __name__ == "__main__":
    main()
