"""A whole folder in many jobs, several at once, each as large as a job may be.

python examples/many_jobs.py FOLDER                with PLANGREP_API_KEY (and PLANGREP_BASE_URL) set
python examples/many_jobs.py --emulator FOLDER     on this machine, without an account

One client serves all jobs: it shares connections, transfers and the rate limiter among them. A job that fails does not
stop the others. Results go to OUT, one JSON file a job.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

from plangrep_async import PlangrepAsyncError, PlangrepClient, RateLimit, UploadFile
from plangrep_async.plangrep import SubmitResult

SPEED = 120.0  # the emulator's clock, and the client's with it
MAX_FILES = 100  # of one job
MAX_BYTES = 10_000_000_000


def cut(folder: Path, max_files: int) -> Iterator[list[Path]]:
    """The folder's PDFs, in order, in bundles that fit into a job. Files of one name never share a job."""
    bundle: list[Path] = []
    size = 0
    for path in sorted(folder.rglob("*.pdf")):
        length = path.stat().st_size
        same_name = any(item.name == path.name for item in bundle)
        if bundle and (len(bundle) >= max_files or size + length > MAX_BYTES or same_name):
            yield bundle
            bundle, size = [], 0
        bundle.append(path)
        size += length
    if bundle:
        yield bundle


async def run_job(
    client: PlangrepClient, project_id: str, number: int, paths: list[Path], out: Path, slots: asyncio.Semaphore
) -> SubmitResult | None:
    async with slots:
        try:
            result = await client.submit(
                project_id, [UploadFile(path) for path in paths], external_id=f"many_jobs.py {number}"
            )
        except PlangrepAsyncError as error:
            print(f"job {number}: {type(error).__name__}: {error}", file=sys.stderr)
            return None
    text = json.dumps(result.to_dict(), indent=2)
    await asyncio.to_thread((out / f"job-{number:04}.json").write_text, text)
    failed = len(result.report.failed) + len(result.errors)
    print(f"job {number}: {result.finished.status.value}, {len(result.documents)} documents, {failed} failed")
    return result


async def main() -> int:
    parser = argparse.ArgumentParser(description="Submit a folder to Plangrep, in as many jobs as it takes.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--project", default="plangrep-async examples", help="its name; made when it is not there")
    parser.add_argument("--jobs", type=int, default=4, help="how many run at once (default: 4)")
    parser.add_argument("--files", type=int, default=MAX_FILES, help="of one job at most (default: 100)")
    parser.add_argument("--emulator", action="store_true", help="against an emulator that is started for it")
    arguments = parser.parse_args()
    bundles = await asyncio.to_thread(lambda: list(cut(arguments.folder, min(arguments.files, MAX_FILES))))
    arguments.out.mkdir(parents=True, exist_ok=True)

    async with AsyncExitStack() as stack:
        # Plangrep documents no limits; these are our own manners.
        limits = [RateLimit(20, 1.0)]
        if arguments.emulator:
            from plangrep_async.emulator import Emulator
            from plangrep_async.testing import ScaledClock

            emulator = await stack.enter_async_context(Emulator(speed=SPEED))
            client = PlangrepClient(
                emulator.api_key, base_url=emulator.plangrep_url, rate_limits=limits, clock=ScaledClock(SPEED)
            )
        else:
            client = PlangrepClient(rate_limits=limits)
        await stack.enter_async_context(client)

        project = await client.projects.find(arguments.project)
        if project is None:
            project = (await client.projects.create(arguments.project)).project
        project = await client.projects.wait_until_ready(project.id)

        slots = asyncio.Semaphore(arguments.jobs)
        results = await asyncio.gather(
            *(
                run_job(client, project.id, number, paths, arguments.out, slots)
                for number, paths in enumerate(bundles, 1)
            )
        )
        done = [result for result in results if result is not None]
        documents = sum(len(item.documents) for item in done)
        credits = sum(item.usage.credits_debited or 0 for item in done if item.usage is not None)
        print(f"{len(done)} of {len(bundles)} jobs, {documents} documents, {credits:g} credits")
        limiter = client.limiter.statistics()
        print(f"{limiter.calls} calls, {limiter.waits} of them waited, {limiter.longest_wait:.1f} s at most")
    return 0 if len(done) == len(bundles) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
