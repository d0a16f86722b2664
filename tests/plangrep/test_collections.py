"""Lists, pages and single records of a project."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from plangrep_async.errors import DecodeError, InvalidInputError
from plangrep_async.plangrep import PlangrepClient, ProjectScope
from plangrep_async.plangrep.resources.collections import FILTERS

P = "/projects/proj_1"
ROUTES: list[tuple[Callable[[ProjectScope], Any], str, str, str, str]] = [
    (lambda scope: scope.files, f"{P}/files", "files", "file", "fileId"),
    (lambda scope: scope.sheets, f"{P}/sheets", "sheets", "sheet", "sheetId"),
    (lambda scope: scope.regions, f"{P}/regions", "regions", "region", "regionId"),
    (lambda scope: scope.docs, f"{P}/docs", "docs", "doc", "docId"),
    (lambda scope: scope.specifications, f"{P}/specifications", "specifications", "specification", "specificationId"),
    (lambda scope: scope.sections("spec_1"), f"{P}/specifications/spec_1/sections", "sections", "section", "sectionId"),
]


@pytest.mark.parametrize(("pick", "path", "many", "one", "id_name"), ROUTES, ids=[route[2] for route in ROUTES])
async def test_every_collection_has_its_routes(
    client: PlangrepClient, service: Any, pick: Any, path: str, many: str, one: str, id_name: str
) -> None:
    service.on("GET", path, {many: [{id_name: "x_1", "artifacts": [{"type": "thumbnail", "url": "u"}]}], "total": 1})
    service.on("GET", f"{path}/x%2F1", {one: {id_name: "x/1"}})
    collection = pick(client.project("proj_1"))
    listed = [item async for item in collection.list()]
    assert [item.to_dict()[id_name] for item in listed] == ["x_1"]
    assert listed[0].artifacts[0].type == "thumbnail"
    record = await collection.get("x/1", compact=True)
    assert record.to_dict()[id_name] == "x/1"
    assert service.seen == [f"GET {path}", f"GET {path}/x%2F1?compact=true"]


async def test_the_regions_of_one_sheet(client: PlangrepClient, service: Any) -> None:
    service.on("GET", f"{P}/sheets/sheet_1/regions", {"regions": [{"regionId": "r", "displayBox": {"left": 0.25}}]})
    regions = [item async for item in client.project("proj_1").sheet_regions("sheet_1").list(region_type="detail")]
    assert regions[0].display_box.left == 0.25
    assert service.seen == [f"GET {P}/sheets/sheet_1/regions?regionType=detail"]


async def test_pages_are_asked_for_as_they_are_needed(client: PlangrepClient, service: Any) -> None:
    pages = {
        "": {"files": [{"fileId": "a"}, {"fileId": "b"}], "nextCursor": "c 1", "hasMore": True, "total": 3},
        "c 1": {"files": [], "nextCursor": "c2", "hasMore": True},
        "c2": {"files": [{"fileId": "c"}], "nextCursor": None, "hasMore": False},
    }
    service.on(
        "GET", f"{P}/files", lambda request: httpx.Response(200, json=pages[request.url.params.get("cursor", "")])
    )
    files = client.project("proj_1").files.list(page_size=2, file_name="plan")
    found = []
    async for file in files:
        found.append(file.file_id)
        if len(found) == 2:
            assert len(service.requests) == 1
    assert found == ["a", "b", "c"]
    assert service.seen == [
        f"GET {P}/files?limit=2&fileName=plan",
        f"GET {P}/files?limit=2&cursor=c%201&fileName=plan",
        f"GET {P}/files?limit=2&cursor=c2&fileName=plan",
    ]
    assert [file.file_id async for file in files] == found, "a second loop begins anew"
    assert [page.total async for page in files.pages()] == [3, None, None]


async def test_a_page_alone(client: PlangrepClient, service: Any) -> None:
    service.on(
        "GET",
        f"{P}/sheets",
        {
            "items": [{"sheetId": "s"}],
            "total": 9,
            "limit": 1,
            "cursor": "c",
            "nextCursor": "d",
            "returnedCount": 1,
            "hasMore": True,
            "pageInfo": {"startCursor": "c", "hasPrevious": True, "somethingElse": 1},
        },
    )
    page = await client.project("proj_1").sheets.page(limit=1, cursor="c")
    assert (page.items[0].sheet_id, page.total, page.next_cursor, page.is_last) == ("s", 9, "d", False)
    assert page.page_info is not None
    assert page.page_info.has_previous_page is True
    assert page.page_info.extra == {"somethingElse": 1}


async def test_a_list_that_never_ends_is_noticed(client: PlangrepClient, service: Any) -> None:
    service.on("GET", f"{P}/docs", {"docs": [{"docId": "d"}], "nextCursor": "same", "hasMore": True})
    with pytest.raises(DecodeError, match="never end"):
        _ = [doc async for doc in client.project("proj_1").docs.list()]
    assert len(service.requests) == 2


@pytest.mark.parametrize("what", ["records", "pages", "text"])
async def test_nor_do_empty_pages_go_on_for_ever(client: PlangrepClient, service: Any, what: str) -> None:
    def page(_: httpx.Request) -> httpx.Response:
        number = len(service.requests)
        docs = [{"docId": "d"}] if number == 50 else []
        return httpx.Response(200, json={"docs": docs, "text": "x" * len(docs), "nextCursor": f"c{number}"})

    project = client.project("proj_1")
    service.on("GET", f"{P}/docs", page)
    service.on("POST", f"{P}/source-text", page)
    lists: dict[str, Any] = {"records": project.docs.list(), "pages": project.docs.list().pages()}
    with pytest.raises(DecodeError, match="100 empty pages in a row"):
        _ = [item async for item in lists.get(what) or project.source_text("uri")]
    assert len(service.requests) == 150


async def test_an_answer_without_its_list_is_not_an_empty_list(client: PlangrepClient, service: Any) -> None:
    service.on("GET", f"{P}/docs", {"total": 0})
    with pytest.raises(DecodeError):
        await client.project("proj_1").docs.page()


@pytest.mark.parametrize(
    "arguments",
    [
        {"page_size": 501},
        {"page_size": 0},
        {"sheet_number": "A1"},
        {"no_such_filter": 1},
        {"classification": "plan"},
        {"sheets": ["a,b"]},
        {"sheets": [""]},
    ],
)
async def test_what_cannot_be_is_refused_before_anything_is_sent(
    client: PlangrepClient, service: Any, arguments: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInputError):
        _ = [file async for file in client.project("proj_1").files.list(**arguments)]
    assert not service.requests


async def test_pages_count_from_one(client: PlangrepClient, service: Any) -> None:
    with pytest.raises(InvalidInputError, match="page_number"):
        client.project("proj_1").sheets.list(page_number=0)
    with pytest.raises(InvalidInputError, match="page_start"):
        client.project("proj_1").sections("s").list(page_start=0)
    assert not service.requests


async def test_lists_of_sheets_are_joined(client: PlangrepClient, service: Any) -> None:
    service.on("GET", f"{P}/files", {"files": []})
    await client.project("proj_1").files.page(sheets=["s1", "s2"], status="complete", classification="plans")
    await client.project("proj_1").files.page(sheets="s1,s2")
    assert service.requests[0].url.params["sheets"] == "s1,s2"
    assert service.requests[1].url.params["sheets"] == "s1,s2"
    assert service.requests[0].url.params["classification"] == "plans"


@pytest.mark.parametrize("bad", ["", ".", "..", None, 3])
async def test_ids_that_would_name_another_route_are_refused(client: PlangrepClient, service: Any, bad: Any) -> None:
    with pytest.raises(InvalidInputError):
        client.project(bad)
    with pytest.raises(InvalidInputError):
        await client.project("p").files.get(bad)
    assert not service.requests


def test_every_list_has_its_filters() -> None:
    # "Project reads": `sheets` on all but sections and sheet-scoped regions; the parent file's on all but sections.
    assert {name for name, known in FILTERS.items() if "sheets" not in known} == {"sections", "sheet_regions"}
    assert {name for name, known in FILTERS.items() if "file_id" not in known} == {"sections"}
    assert {name for name, known in FILTERS.items() if "status" in known} == {"files", "sheets", "docs"}
    assert all("compact" in known for known in FILTERS.values())
