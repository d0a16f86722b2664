from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plangrep_async.emulator import Emulator, PlangrepSettings
from plangrep_async.emulator.plangrep.catalog import Entity, page_of
from plangrep_async.emulator.plangrep.errors import PlangrepError


class Reads:
    """The reads of one project."""

    def __init__(self, api: Any, project: str) -> None:
        self._api = api
        self._base = f"/projects/{project}"

    def page(self, path: str, **query: Any) -> dict[str, Any]:
        answer = self._api.get(f"{self._base}/{path}", params=query)
        assert answer.status_code == 200, answer.text
        page: dict[str, Any] = answer.json()
        return page

    def items(self, path: str, **query: Any) -> list[dict[str, Any]]:
        key = "regions" if path.endswith("/regions") else "sections" if path.endswith("/sections") else path
        items: list[dict[str, Any]] = self.page(path, **query)[key]
        return items

    def error(self, path: str, **query: Any) -> tuple[int, str]:
        error: tuple[int, str] = self._api.error(self._api.get(f"{self._base}/{path}", params=query))
        return error


@pytest.fixture
def reads(api: Any, done: dict[str, Any]) -> Reads:
    return Reads(api, done["projectId"])


def test_files(reads: Reads) -> None:
    sheets, book = reads.items("files")
    assert set(sheets) == {"fileId", "fileName", "classification", "status", "pageCount", "artifacts"}
    assert (sheets["fileName"], sheets["pageCount"], sheets["status"]) == ("sheet-set.pdf", 5, "complete")
    assert reads.items("files", classification="specifications") == [book]
    assert reads.items("files", fileName="SHEET") == [sheets]
    assert reads.items("files", status="processing") == []
    some_sheet = reads.items("sheets")[0]["sheetId"]
    assert reads.items("files", sheets=f"{some_sheet},sheet_none") == [sheets]
    assert reads.page(f"files/{book['fileId']}")["file"] == book
    assert reads.error(f"files/{book['fileId']}", classification="plans") == (404, "not_found")


def test_files_under_way_are_shown(emulator: Emulator, api: Any, done: dict[str, Any], reads: Reads) -> None:
    job = api.new_job(done["projectId"])
    api.upload(job, ("late.txt", b"late"))
    [late] = reads.items("files", status="processing")
    assert late["fileName"] == "late.txt"


def test_sheets_and_their_regions(reads: Reads) -> None:
    sheets = reads.items("sheets")
    assert [sheet["pageNumber"] for sheet in sheets] == [1, 2, 3, 4, 5]
    assert (sheets[0]["sheetNumber"], sheets[0]["sheetDisplayName"]) == ("A1.01", "A1.01 FIRST FLOOR PLAN")
    assert reads.items("sheets", sheetNumber="S1.04") == [sheets[3]]
    assert reads.items("sheets", pageNumber=2) == [sheets[1]]
    first = sheets[0]["sheetId"]
    regions = reads.items(f"sheets/{first}/regions")
    assert regions == reads.items("regions", sheetId=first)
    assert {region["label"] for region in regions} >= {"PLAN 1", "DETAIL 2", "TITLE BLOCK"}
    [title] = reads.items(f"sheets/{first}/regions", regionType="title_block")
    assert title["text"] == "A1.01 FIRST FLOOR PLAN"
    assert reads.page(f"regions/{title['regionId']}")["region"] == title
    assert reads.error("sheets/sheet_none/regions") == (404, "not_found")
    for region in regions:
        box = region["displayBox"]
        assert 0 <= box["left"] < box["right"] <= 1
        assert 0 <= box["top"] < box["bottom"] <= 1


def test_filters_of_regions(reads: Reads) -> None:
    everything = reads.items("regions")
    details = reads.items("regions", regionType="detail")
    assert 0 < len(details) < len(everything)
    assert {item["sheetNumber"] for item in reads.items("regions", drawingType="structural")} == {"S1.04"}
    some = reads.items("sheets")[1]["sheetId"]
    assert {item["pageNumber"] for item in reads.items("regions", sheets=some)} == {2}


def test_specifications_and_sections(reads: Reads) -> None:
    sections = reads.items("specifications")
    assert [item["sectionNumber"] for item in sections] == ["03 30 00", "04 20 00", "05 12 00", "06 10 00"]
    assert sections[0]["sectionTitle"] == "CAST-IN-PLACE CONCRETE"
    assert (sections[0]["pageStart"], sections[-1]["pageEnd"]) == (1, 8)
    assert [facet["facetLabel"] for facet in sections[0]["facets"]] == [
        "PART 1 GENERAL",
        "PART 2 PRODUCTS",
        "PART 3 EXECUTION",
    ]
    assert reads.items("specifications", sectionNumber="05 12 00") == [sections[2]]
    assert reads.items("specifications", pageStart=3, pageEnd=6) == sections[1:3]
    book = sections[2]["specificationId"]
    details = reads.items(f"specifications/{book}/sections")
    assert [item["sectionNumber"] for item in details] == [item["sectionNumber"] for item in sections]
    one = reads.page(f"specifications/{book}/sections/{details[0]['sectionId']}")["section"]
    assert one == details[0]
    assert one["text"].startswith("SECTION 03 30 00")
    assert one["textLength"] == len(one["text"])
    assert [part["label"] for part in one["parts"]] == ["part-1", "part-2", "part-3"]
    assert reads.items(f"specifications/{book}/sections", sectionNumber="03 30 00") == [one]
    assert reads.error("specifications/spec_none/sections") == (404, "not_found")
    assert reads.error(f"specifications/{book}/sections/1.0") == (404, "not_found")


def test_docs(emulator: Emulator, api: Any, done: dict[str, Any], reads: Reads) -> None:
    job = api.new_job(done["projectId"])
    api.upload(job, ("RFI 12.txt", b"Question about the parapet", "documents"))
    api.run(job)
    [doc] = reads.items("docs", docType="rfi")
    assert (doc["fileName"], doc["status"]) == ("RFI 12.txt", "complete")
    assert reads.page(f"docs/{doc['docId']}")["doc"] == doc
    assert reads.error(f"docs/{doc['docId']}", docType="report") == (404, "not_found")


def test_compact_leaves_the_artifacts_out(reads: Reads) -> None:
    sheet = reads.items("sheets", compact="true")[0]
    assert "artifacts" not in sheet
    assert "artifacts" in reads.items("sheets", compact="false")[0]
    assert "artifacts" not in reads.page(f"sheets/{sheet['sheetId']}", compact="true")["sheet"]


def test_pages_follow_the_cursor(reads: Reads) -> None:
    everything = [item["regionId"] for item in reads.items("regions")]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = reads.page("regions", limit=4, **cursor)
        assert (page["total"], page["limit"]) == (len(everything), 4)
        assert page["returnedCount"] == len(page["regions"]) <= 4
        assert page["pageInfo"]["hasPreviousPage"] is bool(seen)
        seen += [item["regionId"] for item in page["regions"]]
        assert page["hasMore"] is (page["nextCursor"] is not None) is page["pageInfo"]["hasNextPage"]
        if not page["hasMore"]:
            break
        cursor = {"cursor": page["nextCursor"]}
    assert seen == everything


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 501},
        {"limit": "many"},
        {"cursor": "nonsense"},
        {"cursor": ""},
        {"pageNumber": 0},
        {"classification": "poems"},
        {"compact": "maybe"},
        {"sheets": ","},
    ],
)
def test_queries_that_are_refused(reads: Reads, query: dict[str, Any]) -> None:
    assert reads.error("sheets", **query)[0] == 400


def test_a_cursor_belongs_to_its_filters(reads: Reads) -> None:
    cursor = reads.page("regions", limit=1)["nextCursor"]
    assert reads.error("regions", limit=1, cursor=cursor, regionType="detail") == (400, "invalid_cursor")
    assert reads.page("regions", limit=2, cursor=cursor)["returnedCount"] == 2


@settings(max_examples=100, deadline=None)
@given(count=st.integers(0, 40), limit=st.integers(1, 15))
def test_every_record_is_on_exactly_one_page(count: int, limit: int) -> None:
    entities = [Entity(str(index), "file", {}, {}) for index in range(count)]
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(count + 1):
        items, paging = page_of(entities, {}, limit=limit, cursor=cursor)
        seen += [item.id for item in items]
        cursor = paging["nextCursor"]
        if cursor is None:
            break
    assert seen == [entity.id for entity in entities]


@given(st.text(max_size=20))
def test_foreign_cursors_are_refused(cursor: str) -> None:
    with pytest.raises(PlangrepError, match="cursor"):
        page_of([], {}, limit=1, cursor=cursor)


class TestTokenLinks:
    @pytest.fixture
    def plangrep_settings(self) -> PlangrepSettings:
        return PlangrepSettings(artifact_links="token")

    def test_artifact_links_can_be_download_tokens(self, reads: Reads, bare: Any) -> None:
        url = reads.items("sheets")[0]["artifacts"][0]["url"]
        assert "/artifact-downloads/" in url
        assert bare.get(url).content.startswith(b"\x89PNG")
        assert bare.get(url).status_code == 410
