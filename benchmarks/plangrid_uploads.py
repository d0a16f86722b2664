"""How many requests does it take to move a thousand attachments into PlanGrid, and does each arrive once?

Against the emulator in another thread, under its documented limits: first on a good day, then with entry errors, lost
batch answers, expired slots, errors and cuts of the storage host and a storm of 429s. A plain client would make two
small calls for each document.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import time
from typing import Any

from plangrep_async import PlanGridClient, UploadFile
from plangrep_async.emulator import Emulator, Fault, s3_fault

QUICK = ["--documents", "200", "--size", "10000"]

_SLOTS = "POST /projects/{project_uid}/attachments/uploads"
_COMPLETIONS = "GET /projects/{project_uid}/attachments/uploads/completions/{upload_token}"


def _spoil(emulator: Emulator) -> list[Any]:
    faults = emulator.faults
    return [
        faults.add(_SLOTS, Fault.answer(503), service="plangrid.batch", probability=0.05),
        faults.add(_COMPLETIONS, Fault.answer(500), service="plangrid.batch", probability=0.05),
        faults.add("POST /batch", Fault.cut("after"), probability=0.10),
        faults.add(
            "POST /*",
            s3_fault("AccessDenied", "Invalid according to Policy: Policy expired."),
            service="storage",
            probability=0.02,
        ),
        faults.add("POST /*", s3_fault("InternalError"), service="storage", probability=0.02),
        faults.add("POST /*", Fault.reset("in_body"), service="storage", probability=0.02),
        faults.add("POST /*", Fault.cut("after"), service="storage", probability=0.02),
        faults.add("POST /batch", Fault.answer(429, '{"message": "Slow down."}', retry_after=1), skip=12, times=4),
    ]


async def _upload(documents: list[bytes], spoilt: bool, seed: int) -> dict[str, Any]:
    emulator = Emulator(seed=seed)
    await asyncio.to_thread(emulator.start)
    try:
        (uid,) = await asyncio.to_thread(emulator.plangrid.seed, projects=1, attachments=0, seed=seed)
        rules = _spoil(emulator) if spoilt else []
        files = [UploadFile(content, name=f"{number:04}.pdf") for number, content in enumerate(documents)]
        began = time.perf_counter()
        async with PlanGridClient(emulator.api_key, base_url=emulator.plangrid_url) as client:
            results = await client.project(uid).attachments.upload_many(files, folder="Submittals")
            seconds = time.perf_counter() - began
            _, coalescer = client.statistics()
        emulator.faults.clear()
        records = await asyncio.to_thread(emulator.plangrid.records, "attachments", uid, created=True)
        arrived = sorted(emulator.plangrid.stored(record.uid).sha256 for record in records)
        expected = sorted(hashlib.sha256(content).hexdigest() for content in documents)
        return {
            "day": "bad" if spoilt else "good",
            "documents": len(documents),
            "failed": len(results.failed),
            "seconds": round(seconds, 1),
            "api_requests": emulator.requests.count(service="plangrid"),
            "plain_client_requests": 2 * len(documents),
            "faults_met": sum(rule.fired for rule in rules),
            "each_record_once_byte_for_byte": arrived == expected,
            "violations": sorted(emulator.violations.kinds()),
            "refused_429": emulator.requests.count(service="plangrid", status=429),
            "entries_a_batch": round(coalescer.mean_size, 1),
        }
    finally:
        await asyncio.to_thread(emulator.stop)


def run(documents: int, size: int, seed: int) -> dict[str, Any]:
    """A good day and a bad one."""
    dice = random.Random(seed)
    contents = [b"%PDF-1.7\n" + dice.randbytes(size - 9) for _ in range(documents)]
    return {
        "question": "plangrid_uploads",
        "rows": [asyncio.run(_upload(contents, spoilt, seed)) for spoilt in (False, True)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print(json.dumps(run(arguments.documents, arguments.size, arguments.seed), indent=2))


if __name__ == "__main__":
    main()
