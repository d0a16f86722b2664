"""A command line that runs in this process, and an emulator for it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import frozen
from pypdf import PdfWriter

from plangrep_async.cli.app import run
from plangrep_async.emulator import Emulator, PlangrepSettings
from plangrep_async.emulator.plangrid import PlangridSettings
from plangrep_async.testing import ScaledClock


@frozen
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def plangrep_settings() -> PlangrepSettings:
    """Overridden where something must take time. Seconds between readings are not judged: they are not the client's."""
    return PlangrepSettings.instant()


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch, plangrep_settings: PlangrepSettings) -> Iterator[Emulator]:
    monkeypatch.setattr("plangrep_async.plangrep.client.SystemClock", lambda: ScaledClock(100))
    with Emulator(plangrep=plangrep_settings) as running:
        monkeypatch.setenv("PLANGREP_BASE_URL", running.plangrep_url)
        monkeypatch.setenv("PLANGREP_API_KEY", running.api_key)
        yield running


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """Both services, where nothing takes time and nothing is limited; the environment points to them."""
    with Emulator(
        plangrep=PlangrepSettings.instant(), plangrid=PlangridSettings(limits=(), packet_seconds=0.0)
    ) as running:
        for name, url in (("PLANGREP", running.plangrep_url), ("PLANGRID", running.plangrid_url)):
            monkeypatch.setenv(f"{name}_BASE_URL", url)
            monkeypatch.setenv(f"{name}_API_KEY", running.api_key)
        yield running


@pytest.fixture
def full_project(services: Emulator) -> str:
    """A project of PlanGrid with 24 attachments, 8 photos and 2 sheets."""
    (uid,) = services.plangrid.seed(1, seed=3, attachments=24, photos=8, sheets=2, deleted=0.0)
    return uid


@pytest.fixture
def empty_project(services: Emulator) -> str:
    (uid,) = services.plangrid.seed(1, seed=4, attachments=0, photos=0, sheets=0)
    return uid


@pytest.fixture
def ready_project(services: Emulator) -> str:
    """A project of Plangrep."""
    headers = {"Authorization": f"Bearer {services.api_key}", "Idempotency-Key": "tower"}
    answer = httpx.post(f"{services.plangrep_url}/api/open/v1/projects", headers=headers, json={"name": "Tower"})
    return str(answer.json()["project"]["id"])


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    def call(*arguments: object) -> Ended:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return call


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    (folder / "deep" / ".hidden").mkdir(parents=True)
    for name, pages in (("plans.pdf", 3), ("deep/spec book.PDF", 2), ("deep/.hidden/not.pdf", 1)):
        writer = PdfWriter()
        for _ in range(pages):
            writer.add_blank_page(612, 792)
        writer.write(folder / name)
    (folder / "notes.txt").write_text("not a drawing")
    return folder


@pytest.fixture
def executable() -> list[str]:
    return [sys.executable, "-m", "plangrep_async"]
