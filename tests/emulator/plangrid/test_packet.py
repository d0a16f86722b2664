from __future__ import annotations

import io
from collections.abc import Iterator

import httpx
import pytest
from pypdf import PdfReader

from plangrep_async.emulator import Emulator, EmulatorClock
from plangrep_async.emulator.plangrid import PlangridSettings, WindowLimit


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    settings = PlangridSettings(limits=(), packet_seconds=5)
    with Emulator(plangrid=settings, clock=EmulatorClock(speed=0, epoch=1_700_000_000)) as running:
        yield running


@pytest.fixture
def sheets(project: str, api: httpx.Client) -> list[str]:
    return [sheet["uid"] for sheet in api.get(f"/projects/{project}/sheets").json()["data"][:3]]


def test_a_packet_takes_its_time(
    emulator: Emulator, project: str, api: httpx.Client, bare: httpx.Client, sheets: list[str]
) -> None:
    created = api.post(f"/projects/{project}/sheets/packets", json={"sheet_uids": sheets, "include_annotations": False})
    packet = created.json()
    assert packet["status"] == "incomplete"
    assert packet["resource"]["uid"] == packet["uid"]
    assert bare.get(packet["file_url"]).status_code == 404
    emulator.clock.advance(4.9)
    assert api.get(packet["resource"]["url"]).json() == packet
    emulator.clock.advance(0.1)
    assert api.get(packet["resource"]["url"]).json() == {**packet, "status": "complete"}
    answer = bare.get(packet["file_url"])
    assert len(PdfReader(io.BytesIO(answer.content)).pages) == 3
    assert not emulator.violations
    api.get(packet["file_url"])
    assert emulator.violations.kinds() == {"credentials_at_assets"}


def test_a_packet_may_fail(
    emulator: Emulator, project: str, api: httpx.Client, bare: httpx.Client, sheets: list[str]
) -> None:
    emulator.plangrid.settings.packets_fail = True
    packet = api.post(f"/projects/{project}/sheets/packets", json={"sheet_uids": sheets}).json()
    emulator.clock.advance(5)
    assert api.get(packet["resource"]["url"]).json()["status"] == "errored"
    assert bare.get(packet["file_url"]).status_code == 404


def test_polling_is_outside_the_daily_limit(
    emulator: Emulator, project: str, api: httpx.Client, sheets: list[str]
) -> None:
    packet = api.post(f"/projects/{project}/sheets/packets", json={"sheet_uids": sheets}).json()
    emulator.plangrid.settings.limits = (WindowLimit("all", 1, 100), WindowLimit("all", 86_400, 1))
    assert [api.get(packet["resource"]["url"]).status_code for _ in range(5)] == [200] * 5
    assert [api.get("/projects").status_code for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("uids", [None, [], "x", [1], ["none"]])
def test_sheets_are_named_rightly(project: str, api: httpx.Client, uids: object) -> None:
    answer = api.post(f"/projects/{project}/sheets/packets", json={"sheet_uids": uids})
    assert answer.status_code == 400
