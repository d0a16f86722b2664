"""Kill a migration at random moments, resume it each time, then compare every byte.

    python benchmarks/kill_migrate.py --kills 30
    python benchmarks/kill_migrate.py --kills 30 --victim emulator

The emulator runs here; the migration is the command itself, in a process of its own, ended by SIGKILL. With ``--victim
emulator`` the emulator vanishes instead, as if its process had died, and comes back a moment later.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from plangrep_async.emulator import Emulator, Fault, PlangrepSettings
from plangrep_async.emulator.plangrid import PlangridSettings

QUICK = ["--files", "40", "--largest", "2000000", "--kills", "3", "--seconds", "4"]


def make_tree(root: Path, service: str, options: argparse.Namespace, rng: random.Random) -> Counter[str]:
    """Files of sizes spread evenly over the orders of magnitude; their digests."""
    # Random bytes are no PDF that can be processed, and a job that cannot process its files fails.
    head, ending = (b"%PDF-1.4", "pdf") if service == "plangrid" else (b"AC1027", "dwg")
    digests: Counter[str] = Counter()
    for number in range(options.files):
        size = int(1_000 * (options.largest / 1_000) ** rng.random())
        data = head + f"\n%{number}\n".encode() + rng.randbytes(size)
        path = root / f"level {number % 5}" / f"plan {number:05}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        digests[hashlib.sha256(data).hexdigest()] += 1
    return digests


def add_faults(emulator: Emulator) -> None:
    """Three of a hundred requests meet a fault of some kind, and there is one storm of 429."""
    faults = [
        Fault.reset(),
        Fault.cut(),
        Fault.answer(500),
        Fault.answer(503),
        Fault.answer(500, when="after"),
        Fault.truncated_json(),
        Fault.html(502),
        Fault.empty(),
    ]
    for fault in faults:
        emulator.faults.add("*", fault, probability=0.03 / len(faults))
    storm = Fault.answer(429, retry_after=0.5)
    emulator.faults.add("*", storm, predicate=lambda request: request.service != "storage", skip=40, times=40)


def start(arguments: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "plangrep_async", "migrate", *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def stored(emulator: Emulator, service: str, project: str) -> Counter[str]:
    """Digests of what the service holds, each as often as it does."""
    if service == "plangrid":
        created = emulator.plangrid.created("attachment")
        return Counter(emulator.plangrid.stored(item.uid).sha256 for item in created if item.project_uid == project)
    chosen = [document for job in emulator.plangrep.jobs for document in job.chosen]
    return Counter(emulator.plangrep.stored(document.id).sha256 or "" for document in chosen)


def run(service: str, victim: str, options: argparse.Namespace) -> bool:
    rng = random.Random(options.seed)
    settings = PlangrepSettings.instant(multipart_threshold=6_000_000, part_size=5 << 20)
    with (
        tempfile.TemporaryDirectory(prefix="kill-migrate-") as folder,
        Emulator(plangrep=settings, plangrid=PlangridSettings(limits=())) as emulator,
    ):
        root = Path(folder)
        digests = make_tree(root / "tree", service, options, rng)
        size = sum(path.stat().st_size for path in (root / "tree").rglob("*.*"))
        if service == "plangrid":
            (project,) = emulator.plangrid.seed(1, attachments=0, photos=0, sheets=0)
        else:
            project = make_project(emulator)
        environment = {
            **os.environ,
            "PLANGREP_API_KEY": emulator.api_key,
            "PLANGRID_API_KEY": emulator.api_key,
            "PLANGREP_BASE_URL": emulator.plangrep_url,
            "PLANGRID_BASE_URL": emulator.plangrid_url,
        }
        command = ["run", str(root / "tree"), "--to", f"{service}:{project}", "--journal", str(root / "journal.db")]
        command += ["--quiet", "--transfers", "8"]
        if options.seconds:
            command += ["--max-bandwidth", str(int(size / options.seconds))]
        if options.faults:
            add_faults(emulator)
        began, kills, starts = time.monotonic(), 0, 0
        process = start(command, environment)
        starts += 1
        while True:
            wait = rng.uniform(0.3, 2 * options.seconds / max(1, options.kills) + 1.0)
            try:
                code = process.wait(wait if kills < options.kills else 600)
            except subprocess.TimeoutExpired:
                if kills >= options.kills:
                    process.kill()
                    print("it hangs")
                    return False
                kills += 1
                if victim == "run":
                    process.kill()
                    process.wait()
                    process = start(command, environment)
                    starts += 1
                else:
                    emulator.kill()
                    time.sleep(rng.uniform(0.05, 1.0))
                    emulator.start()
                continue
            if code == 0:
                break
            assert process.stderr is not None
            print(f"  ended with {code}: {process.stderr.read().decode()[-500:]}")
            return False
        seconds = time.monotonic() - began
        emulator.faults.clear()
        verified = subprocess.run(
            [sys.executable, "-m", "plangrep_async", "migrate", "verify", "--journal", str(root / "journal.db")],
            env=environment,
            capture_output=True,
            check=False,
        )
        there = stored(emulator, service, project)
        emulator.run(lambda: None)
        lost, extra = digests - there, there - digests
        good = not lost and not extra and verified.returncode == 0 and not emulator.failures
        print(
            f"{service}, {victim} killed {kills} times, {starts} starts, {seconds:.0f} s: {len(digests)} files, "
            f"{size / 1e6:.0f} MB; lost {lost.total()}, twice {extra.total()}, verify {verified.returncode}: "
            f"{'good' if good else 'BAD'}",
            flush=True,
        )
        if not good:
            print(verified.stdout.decode()[:2000], emulator.failures[:3])
        return good


def make_project(emulator: Emulator) -> str:
    import asyncio

    from plangrep_async.plangrep import PlangrepClient

    async def make() -> str:
        async with PlangrepClient(emulator.api_key, base_url=emulator.plangrep_url) as client:
            created = await client.projects.create("Migration")
            return (await client.projects.wait_until_ready(created.project.id)).id

    return asyncio.run(make())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--victim", choices=["run", "emulator", "both"], default="both")
    parser.add_argument("--target", choices=["plangrid", "plangrep", "both"], default="both")
    parser.add_argument("--files", type=int, default=400)
    parser.add_argument("--largest", type=int, default=12_000_000, help="bytes of the largest file")
    parser.add_argument("--faults", action="store_true", help="3 %% of all requests fail, and one storm of 429")
    parser.add_argument("--seconds", type=float, default=30.0, help="the transfers take at least, bounding bandwidth")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # a killed emulator tells of each request it had
    victims = ["run", "emulator"] if options.victim == "both" else [options.victim]
    targets = ["plangrid", "plangrep"] if options.target == "both" else [options.target]
    results = [run(target, victim, options) for victim in victims for target in targets]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
