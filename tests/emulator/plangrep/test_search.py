from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.emulator import Emulator
from plangrep_async.emulator.plangrep.search_routes import score


@pytest.fixture
def search(api: Any, done: dict[str, Any]) -> Any:
    def send(query: Any = "insulation", **body: Any) -> Any:
        return api.post(f"/projects/{done['projectId']}/source-search", json={"query": query, **body})

    return send


def test_hits_by_falling_score(search: Any) -> None:
    answer = search("exterior walls insulation", maxHits=50).json()
    scores = [hit["score"] for hit in answer["hits"]]
    assert scores == sorted(scores, reverse=True)
    assert 0 < scores[-1] <= scores[0] <= 1
    best = answer["hits"][0]
    assert "insulation" in best["snippet"]
    assert best["source"]["type"] == "specification"
    assert (answer["query"], answer["hitCount"]) == ("exterior walls insulation", len(scores))
    assert answer["chunksSearched"] >= answer["hitCount"]


def test_conditions(search: Any) -> None:
    assert search(maxHits=1).json()["hitCount"] == 1
    assert search("parapet", entityTypes=["specification"]).json()["hits"] == []
    regions = search("plan", entityTypes=["region"], sheetNumber="A1.01", pageNumber=1).json()["hits"]
    assert {hit["source"]["sheetNumber"] for hit in regions} == {"A1.01"}
    assert search("plan", fileName="SPEC-book", classification="plans").json()["hits"] == []
    assert search("plan", regionType="title_block", drawingType="structural").json()["hitCount"] == 1


@pytest.mark.parametrize(
    "body",
    [
        {"query": ""},
        {"query": None},
        {"query": 5},
        {"maxHits": 0},
        {"maxHits": 51},
        {"pageNumber": 0},
        {"classification": "poems"},
        {"entityTypes": "region"},
    ],
)
def test_bodies_that_are_refused(search: Any, body: dict[str, Any]) -> None:
    answer = search(**body)
    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"code", "message"}


def test_the_index_needs_a_moment(emulator: Emulator, api: Any, sheet_set: bytes) -> None:
    job = api.new_job()
    project = emulator.plangrep.job(job).project
    path = f"/projects/{project}/source-search"
    assert api.post(path, json={"query": "plan"}).json()["hits"] == []
    api.upload(job, ("a.pdf", sheet_set))
    api.complete(job)
    while api.job(job)["status"] != "completed":
        emulator.clock.advance(1)
    assert api.error(api.post(path, json={"query": "plan"})) == (409, "index_not_ready")
    emulator.clock.advance(5)
    assert api.post(path, json={"query": "plan"}).json()["hitCount"] > 0


def test_unknown_projects(api: Any) -> None:
    for path in ("source-search", "source-text"):
        assert api.post(f"/projects/proj_none/{path}", json={"query": "x", "sourceCatalogUri": "x"}).status_code == 404


@pytest.fixture
def read(api: Any, done: dict[str, Any]) -> Any:
    def send(uri: str, **body: Any) -> Any:
        return api.post(f"/projects/{done['projectId']}/source-text", json={"sourceCatalogUri": uri, **body})

    return send


@pytest.fixture
def section_uri(search: Any) -> str:
    uri: str = search("concrete", entityTypes=["specification"]).json()["hits"][0]["sourceCatalogUri"]
    return uri


def test_source_text_is_read_in_pages(read: Any, section_uri: str) -> None:
    whole = read(section_uri).json()
    assert whole["status"] == "success"
    assert whole["sourceCatalogUri"] == section_uri
    assert whole["text"].startswith("SECTION 03 30 00")
    assert whole["nextCursor"] is None
    pieces: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = read(section_uri, maxChars=700, **cursor).json()
        assert len(page["text"]) <= 700
        pieces.append(page["text"])
        if page["nextCursor"] is None:
            break
        cursor = {"cursor": page["nextCursor"]}
    assert "".join(pieces) == whole["text"]
    assert len(pieces) > 2


def test_kinds_of_text_and_facets(api: Any, done: dict[str, Any], read: Any, section_uri: str) -> None:
    specification = api.get(f"/projects/{done['projectId']}/specifications").json()["specifications"][0]
    facet = specification["facets"][1]
    assert read(section_uri, facetId=facet["facetId"]).json()["text"].startswith("PART 2 PRODUCTS")
    assert read(section_uri, textKind="facet_source_text").json()["text"].startswith("PART 1 GENERAL")
    assert read(section_uri, textKind="page_regions").json()["text"] == ""
    assert read(section_uri, textKind="markdown").json()["text"] != ""


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"maxChars": 0}, 400),
        ({"maxChars": 50_001}, 400),
        ({"textKind": "poem"}, 400),
        ({"facetId": "facet_none"}, 400),
        ({"cursor": "x"}, 400),
        ({"cursor": "c99999999"}, 400),
        ({"uri": "pgcat://nowhere"}, 404),
        ({"uri": ""}, 400),
    ],
)
def test_reads_that_are_refused(read: Any, section_uri: str, body: dict[str, Any], status: int) -> None:
    assert read(**{"uri": section_uri, **body}).status_code == status


def test_projects_are_found_by_name_and_by_their_sources(api: Any, done: dict[str, Any]) -> None:
    for name in ("Concrete Works", "Empty", "Concrete Plant"):
        api.new_project(name)
    found = api.post("/projects/search", json={"query": "concrete"}).json()
    by_name = {item["project"]["name"]: item for item in found["projects"]}
    assert set(by_name) == {"Tower", "Concrete Works", "Concrete Plant"}
    assert by_name["Tower"]["matchReasons"] == ["sources"]
    assert by_name["Tower"]["sourceHits"]
    assert (found["total"], found["hasMore"], found["warnings"]) == (3, False, [])
    only = api.post("/projects/search", json={"query": "concrete", "projectIds": [done["projectId"]]}).json()
    assert [item["project"]["id"] for item in only["projects"]] == [done["projectId"]]


def test_found_projects_come_in_pages(api: Any) -> None:
    for index in range(5):
        api.new_project(f"Site {index}", ready=False)
    names: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.post("/projects/search", json={"query": "site", "limit": 2, **cursor}).json()
        names += [item["project"]["name"] for item in page["projects"]]
        if page["nextCursor"] is None:
            break
        cursor = {"cursor": page["nextCursor"]}
    assert sorted(names) == [f"Site {index}" for index in range(5)]
    for body in ({"query": ""}, {"query": "x", "limit": 101}, {"query": "x", "cursor": "nonsense"}):
        assert api.post("/projects/search", json=body).status_code == 400


@given(st.text(max_size=40), st.text(max_size=200))
def test_scores_lie_between_nothing_and_one(query: str, text: str) -> None:
    assert 0 <= score(query, text) <= 1


def test_more_words_and_more_often_score_higher() -> None:
    assert score("wall insulation", "insulation") < score("wall insulation", "wall insulation")
    assert score("wall", "wall") < score("wall", "wall wall")
    assert score("wall", "floor") == 0
