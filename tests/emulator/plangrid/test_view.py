"""What tests and tools see and do behind the service's back."""

from __future__ import annotations

import time

import httpx
import pytest

from plangrep_async.emulator import Emulator
from plangrep_async.emulator.plangrid import SeedPlan


def snapshot(emulator: Emulator, api: httpx.Client) -> list[str]:
    [project] = emulator.plangrid.seed(issues=30, comments=20, seed=11)
    base = emulator.plangrid_url
    paths = ("", "/issues", "/rfis", "/comments", "/users", "/sheets", "/annotations", "/snapshots", "/photos")
    texts = [api.get(f"/projects/{project}{path}").text for path in paths]
    return [text.replace(base, "API").replace(emulator.storage_url, "STORAGE") for text in texts]


def test_the_same_seed_gives_the_same_data(emulator: Emulator, api: httpx.Client) -> None:
    first = snapshot(emulator, api)
    emulator.reset()
    assert emulator.plangrid.projects == []
    assert snapshot(emulator, api) == first


def test_seeding_again_adds_projects(emulator: Emulator) -> None:
    assert (
        len({*emulator.plangrid.seed(2, seed=1), *emulator.plangrid.seed(2, seed=1), *emulator.plangrid.seed(seed=2)})
        == 5
    )


def test_large_sets_are_ready_at_once(emulator: Emulator, api: httpx.Client) -> None:
    started = time.process_time()
    [project] = emulator.plangrid.seed(issues=10**6, comments=10**6, photos=10**6, rfis=10**5, sheets=10**5)
    page = api.get(f"/projects/{project}/issues", params={"skip": 999_999}).json()
    assert page["data"][0]["number"] == page["total_count"] == 10**6
    page = api.get(f"/projects/{project}/issues", params={"skip": 249_999}).json()
    assert api.get(page["data"][0]["comments"]["url"]).json()["total_count"] == 1
    assert time.process_time() - started < 1


@pytest.mark.parametrize("counts", [{"issues": -1}, {"deleted": 2}])
def test_impossible_seeds_are_refused(counts: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        SeedPlan(**counts)


def test_records_may_be_edited_from_outside(emulator: Emulator, project: str, api: httpx.Client) -> None:
    issue = emulator.plangrid.records("issues", project)[3]
    emulator.plangrid.edit("issues", project, issue.uid, title="Changed", deleted=True)
    read = api.get(f"/projects/{project}/issues/{issue.uid}").json()
    assert (read["title"], read["deleted"]) == ("Changed", True)
    assert read["updated_at"] > "2020"
    page = api.get(f"/projects/{project}/issues", params={"updated_after": "2020-01-01T00:00:00Z"}).json()
    assert page["data"] == [read]
    sheet = emulator.plangrid.records("sheets", project)[0]
    emulator.plangrid.edit("sheets", project, sheet.uid, deleted=True)
    assert api.get(f"/projects/{project}/sheets/{sheet.uid}").json()["deleted"] is True
    with pytest.raises(KeyError):
        emulator.plangrid.edit("issues", project, "none", title="x")


def test_created_records_are_told_from_seeded_ones(emulator: Emulator, project: str, api: httpx.Client) -> None:
    assert emulator.plangrid.records("rfis", project, created=True) == []
    uid = api.post(f"/projects/{project}/rfis", json={"title": "a"}).json()["uid"]
    assert [rfi.uid for rfi in emulator.plangrid.records("rfis", project, created=True)] == [uid]
    assert [(item.kind, item.uid) for item in emulator.plangrid.created()] == [("rfi", uid)]


def test_nothing_is_stored_for_what_was_not_uploaded(emulator: Emulator, project: str) -> None:
    with pytest.raises(KeyError):
        emulator.plangrid.stored(emulator.plangrid.records("photos", project)[0].uid)


def test_state_survives_a_crash(emulator: Emulator, project: str, api: httpx.Client) -> None:
    uid = api.post(f"/projects/{project}/rfis", json={"title": "a"}).json()["uid"]
    emulator.kill()
    with pytest.raises(httpx.TransportError):
        api.get("/projects")
    emulator.start()
    assert api.get(f"/projects/{project}/rfis/{uid}").status_code == 200


def test_another_process_may_seed(emulator: Emulator, api: httpx.Client) -> None:
    answer = api.post("/_emulator/plangrid/seed", json={"projects": 2, "issues": 3, "seed": 5})
    assert answer.json() == emulator.plangrid.projects
    assert api.get(f"/projects/{answer.json()[0]}/issues").json()["total_count"] == 3
    assert api.post("/_emulator/plangrid/seed", json={"colour": 1}).status_code == 400
