"""The records of an export: what a PlanGrid project has besides its files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from plangrep_async.emulator import Emulator, Fault
from plangrep_async.errors import ServerError
from plangrep_async.migrate import (
    Event,
    FolderTarget,
    FolderTree,
    Migration,
    MigrationOptions,
    Omitted,
    PlangrepTarget,
    PlanGridSource,
    Scanned,
    State,
    Waiting,
)
from plangrep_async.migrate.journal import Journal
from plangrep_async.plangrid import PlanGridClient
from plangrep_async.testing import ScaledClock

COLLECTIONS = {
    "issue": "issues",
    "issue list": "issue_lists",
    "rfi": "rfis",
    "comment": "comments",
    "annotation": "annotations",
    "snapshot": "snapshots",
    "user": "users",
}


@pytest.fixture
def project(services: Emulator) -> str:
    """With more than a page of issues, and records of every kind, some of them deleted."""
    (uid,) = services.plangrid.seed(1, seed=3, attachments=4, photos=3, sheets=2, issues=120, rfis=30, deleted=0.2)
    return uid


def lines_of(export: FolderTarget) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (export.root / "records.jsonl").read_text().splitlines()]


def by_kind(export: FolderTarget) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for line in lines_of(export):
        uids = found.setdefault(line["kind"], set())
        assert line["record"]["uid"] not in uids, "twice"
        uids.add(line["record"]["uid"])
    return found


async def test_an_export_has_every_record_that_is_not_deleted(
    plangrid: PlanGridClient, services: Emulator, project: str, tmp_path: Path
) -> None:
    export = FolderTarget(tmp_path / "export")
    status = await Migration(PlanGridSource(plangrid, project), export, journal=tmp_path / "journal.db").run()
    assert status.is_complete
    told = by_kind(export)
    for kind, collection in COLLECTIONS.items():
        records = services.plangrid.records(collection, project)
        assert told[kind] == {record.uid for record in records if not getattr(record, "deleted", False)}, kind
    others = {"rfi status", "field report", "version set", "role", "attachment", "photo", "sheet"}
    assert set(told) == {*COLLECTIONS, *others}
    assert not {"url", "pdf_url"} & {name for line in lines_of(export) for name in line["record"]}
    rfis = {record.uid: record for record in services.plangrid.records("rfis", project)}
    for line in lines_of(export):
        if line["kind"] == "rfi":
            references = line.get("references", {})
            rfi = rfis[line["record"]["uid"]]
            for name in ("attachments", "photos", "snapshots"):
                assert sorted(references.get(name, [])) == sorted(getattr(rfi, name)), name
    assert any(line.get("references") for line in lines_of(export) if line["kind"] == "rfi")


async def test_where_kinds_are_chosen_there_are_no_other_records(
    plangrid: PlanGridClient, project: str, tmp_path: Path
) -> None:
    export = FolderTarget(tmp_path / "export")
    source = PlanGridSource(plangrid, project, kinds=("photo",))
    await Migration(source, export, journal=tmp_path / "journal.db").run()
    assert set(by_kind(export)) == {"photo"}


async def test_since_holds_for_records_too(
    plangrid: PlanGridClient, services: Emulator, project: str, tmp_path: Path
) -> None:
    issues = sorted(services.plangrid.records("issues", project), key=lambda issue: issue.updated_at)
    moment = issues[60].updated_at
    source = PlanGridSource(plangrid, project, since=datetime.fromtimestamp(moment, UTC))
    export = FolderTarget(tmp_path / "export")
    await Migration(source, export, journal=tmp_path / "journal.db").run()
    assert by_kind(export)["issue"] == {
        issue.uid for issue in issues if issue.updated_at >= moment and not issue.deleted
    }


async def test_records_that_may_not_be_read_are_told_and_cost_no_others(
    plangrid: PlanGridClient, services: Emulator, project: str, tmp_path: Path
) -> None:
    services.faults.add("GET /projects/{project_uid}/roles", Fault.answer(403))
    services.faults.add("GET /projects/{project_uid}/field_reports", Fault.answer(404))
    export = FolderTarget(tmp_path / "export")
    events: list[Event] = []
    migration = Migration(PlanGridSource(plangrid, project), export, journal=tmp_path / "journal.db")
    assert (await migration.run(events.append)).is_complete
    assert {event.kind for event in events if isinstance(event, Omitted)} == {"role", "field report"}
    told = Counter(line["kind"] for line in lines_of(export) if "error" not in line)
    assert told["issue"] > 50
    assert not told["role"] + told["field report"]
    assert {line["kind"] for line in lines_of(export) if "error" in line} == {"role", "field report"}


async def test_an_outage_while_records_are_read_is_waited_for(
    plangrid: PlanGridClient, services: Emulator, project: str, tmp_path: Path
) -> None:
    away = services.faults.add("GET /projects/{project_uid}/comments", Fault.answer(503))
    services.faults.add("GET /projects/{project_uid}", Fault.answer(503), skip=1, times=2)
    events: list[Event] = []

    def watch(event: Event) -> None:
        events.append(event)
        if isinstance(event, Waiting):
            services.faults.remove(away)

    export = FolderTarget(tmp_path / "export")
    source = PlanGridSource(plangrid, project)
    migration = Migration(source, export, journal=tmp_path / "journal.db", clock=ScaledClock(20.0))
    assert (await migration.run(watch)).is_complete
    assert any(isinstance(event, Waiting) for event in events)
    assert by_kind(export)["comment"]


async def test_a_source_that_is_away_fails_no_document(
    plangrid: PlanGridClient, services: Emulator, project: str, to_plangrep: PlangrepTarget, tmp_path: Path
) -> None:
    # The target answers all the time; what is to be fetched does not.
    waits: list[Waiting] = []

    def watch(event: Event) -> None:
        if isinstance(event, Waiting):
            waits.append(event)
            if len(waits) == 4:
                services.faults.remove(away)

    source = PlanGridSource(plangrid, project)
    async with Journal(tmp_path / "journal.db") as journal:
        async for found in source.scan():
            await journal.discover(found)
        await journal.note(scanned=True)
    away = services.faults.add("*", Fault.answer(503), service="plangrid")
    options = MigrationOptions(attempts=2)
    migration = Migration(
        source, to_plangrep, journal=tmp_path / "journal.db", options=options, clock=ScaledClock(200.0)
    )
    status = await migration.run(watch, scan=False)
    assert [wait.seconds for wait in waits[:4]] == [1.0, 2.0, 4.0, 8.0]
    assert (status.open, status.tally.count(State.FAILED)) == (0, 0)


async def test_records_that_never_come_end_the_run_and_the_next_one_goes_on(
    plangrid: PlanGridClient, services: Emulator, project: str, tmp_path: Path
) -> None:
    rule = services.faults.add("GET /projects/{project_uid}/comments", Fault.answer(503))
    export = FolderTarget(tmp_path / "export")
    migration = Migration(PlanGridSource(plangrid, project), export, journal=tmp_path / "journal.db")
    with pytest.raises(ServerError):
        await migration.run()
    assert not (export.root / "records.jsonl").exists()
    assert not list(export.root.glob(".*.part"))
    services.faults.remove(rule)
    assert (await migration.run()).is_complete
    assert by_kind(export)["comment"]


async def test_a_twin_that_is_left_out_keeps_its_record(
    plangrid: PlanGridClient, services: Emulator, empty_project: str, tmp_path: Path
) -> None:
    for name in ("A-101.pdf", "A-101 (copy).pdf"):
        await plangrid.project(empty_project).attachments.upload(b"%PDF-1.4\n%twin", name=name)
    export = FolderTarget(tmp_path / "export")
    migration = Migration(
        PlanGridSource(plangrid, empty_project),
        export,
        journal=tmp_path / "journal.db",
        options=MigrationOptions(dedupe="skip"),
    )
    assert (await migration.run()).is_complete
    attachments = [line for line in lines_of(export) if line["kind"] == "attachment"]
    (kept,) = (line for line in attachments if "file" in line)
    (left_out,) = (line for line in attachments if "file" not in line)
    assert left_out["duplicate_of"] == f"attachment/{kept['record']['uid']}"
    assert {line["record"]["name"] for line in attachments} == {"A-101.pdf", "A-101 (copy).pdf"}


async def test_a_folder_has_files_only(tree: Path, tmp_path: Path) -> None:
    export = FolderTarget(tmp_path / "export")
    await Migration(FolderTree(tree), export, journal=tmp_path / "journal.db").run()
    assert lines_of(export) == []


async def test_a_kind_that_is_refused_in_whatever_way_costs_no_others(
    plangrid: PlanGridClient, services: Emulator, project: str, tmp_path: Path
) -> None:
    for number, status in enumerate((400, 405, 409, 410, 422)):
        name = ("roles", "field_reports", "comments", "snapshots", "issues")[number]
        services.faults.add(f"GET /projects/{{project_uid}}/{name}", Fault.answer(status, b"{}"))
    export = FolderTarget(tmp_path / "export")
    events: list[Event] = []
    migration = Migration(PlanGridSource(plangrid, project), export, journal=tmp_path / "journal.db")
    assert (await migration.run(events.append)).is_complete
    omitted = {event.kind for event in events if isinstance(event, Omitted)}
    assert omitted == {"role", "field report", "comment", "snapshot", "issue"}
    assert {"rfi", "annotation", "user"} <= {line["kind"] for line in lines_of(export)}


async def test_references_that_are_gone_cost_their_record_nothing_else(
    plangrid: PlanGridClient, services: Emulator, project: str, tmp_path: Path
) -> None:
    services.faults.add("GET /projects/{project_uid}/rfis/{rfi_uid}/photos", Fault.answer(404), times=1)
    export = FolderTarget(tmp_path / "export")
    migration = Migration(PlanGridSource(plangrid, project), export, journal=tmp_path / "journal.db")
    assert (await migration.run()).is_complete
    rfis = [line for line in lines_of(export) if line["kind"] == "rfi"]
    expected = {record.uid for record in services.plangrid.records("rfis", project)}
    assert {line["record"]["uid"] for line in rfis} == expected
    (one,) = (line for line in rfis if "unread" in line)
    assert list(one["unread"]) == ["photos"]
    assert any(line.get("references", {}).get("photos") for line in rfis)


async def test_records_of_a_finished_export_stay_until_they_were_gone_through_again(
    plangrid: PlanGridClient, services: Emulator, project: str, tmp_path: Path
) -> None:
    export = FolderTarget(tmp_path / "export")

    def migration() -> Migration:
        return Migration(PlanGridSource(plangrid, project), export, journal=tmp_path / "journal.db")

    await migration().run()
    before = lines_of(export)
    assert len(before) > 100
    again = migration()
    await again.run(lambda event: again.stop() if isinstance(event, Scanned) and event.final else None)
    assert lines_of(export) == before
    (export.root / "manifest.jsonl").unlink()
    services.faults.add("GET /projects/{project_uid}/comments", Fault.answer(503))
    with pytest.raises(ServerError):
        await migration().run()
    assert lines_of(export) == before
    # The files that have arrived are told all the same.
    assert (export.root / "manifest.jsonl").read_text().count("\n") == (await again.status()).tally.count(
        State.COMPLETED
    )


async def test_a_stop_while_records_are_read_keeps_those_of_before(
    plangrid: PlanGridClient, project: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = FolderTarget(tmp_path / "export")
    source = PlanGridSource(plangrid, project)
    migration = Migration(source, export, journal=tmp_path / "journal.db")
    await migration.run()
    before, pages = lines_of(export), 0
    real = source.records

    async def records() -> AsyncGenerator[list[dict[str, Any]], None]:
        nonlocal pages
        async with aclosing(real()) as told:
            async for page in told:
                pages += 1
                migration.stop()
                yield page

    monkeypatch.setattr(source, "records", records)
    status = await migration.run()
    assert (lines_of(export), pages) == (before, 1)
    assert not list(export.root.glob(".*.part"))
    assert (status.open, status.listed, status.is_complete) == (0, False, False)
    monkeypatch.undo()
    assert (await migration.run()).is_complete
    assert lines_of(export) == before


async def test_halves_of_characters_are_written_as_json_writes_them(
    plangrid: PlanGridClient, project: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = PlanGridSource(plangrid, project)

    async def records() -> AsyncGenerator[list[dict[str, Any]], None]:
        yield [{"kind": "issue", "record": {"uid": "1", "title": "\ud800 \U0001f600"}}]

    monkeypatch.setattr(source, "records", records)
    export = FolderTarget(tmp_path / "export")
    await Migration(source, export, journal=tmp_path / "journal.db").run()
    assert lines_of(export)[-1]["record"]["title"] == "\ud800 \U0001f600"


@pytest.mark.parametrize("linger", [0.0, 0.1])
@pytest.mark.parametrize("kinds", [None, ("attachment", "photo")])
async def test_a_plan_tells_what_an_export_takes(
    linger: float, kinds: tuple[str, ...] | None, services: Emulator, project: str, tmp_path: Path
) -> None:
    def made() -> int:
        return services.requests.count(service="plangrid")

    clock = ScaledClock(20.0)
    async with PlanGridClient(services.api_key, base_url=services.plangrid_url, linger=linger, clock=clock) as client:
        source = PlanGridSource(client, project, kinds=kinds)
        migration = Migration(source, FolderTarget(tmp_path / "export"), journal=tmp_path / "journal.db")
        plan = await migration.plan()
    planned = made()
    assert planned <= 2 + 3 + (11 if kinds is None else 0)
    async with PlanGridClient(services.api_key, base_url=services.plangrid_url, linger=linger, clock=clock) as client:
        source = PlanGridSource(client, project, kinds=kinds)
        export = FolderTarget(tmp_path / "export")
        assert (await Migration(source, export, journal=tmp_path / "journal.db").run()).is_complete
    assert plan.source_calls <= made() - planned <= plan.source_calls_most
    # The project and the limits, the pages of the files, those of the records, and eight fetches at once.
    sizes = [len(services.plangrid.records(name, project)) for name in COLLECTIONS.values()] + [1] * 4
    pages = sum(max(1, -(-size // 50)) for size in sizes) if kinds is None else 0
    fetches = plan.documents + plan.kinds.get("sheet", 0)
    assert plan.source_calls == 2 + (3 if kinds is None else 2) + pages + -(-fetches // 8)


async def test_a_plan_can_be_made_where_roles_are_refused(
    plangrid: PlanGridClient, services: Emulator, project: str, tmp_path: Path
) -> None:
    services.faults.add("GET /projects/{project_uid}/roles", Fault.answer(403))
    migration = Migration(
        PlanGridSource(plangrid, project), FolderTarget(tmp_path / "export"), journal=tmp_path / "journal.db"
    )
    plan = await migration.plan()
    assert plan.source_calls_most > plan.source_calls > 0
