from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from plangrep_async.errors import BadRequestError, ConflictError, DecodeError, InvalidInputError
from plangrep_async.plangrep import PlangrepClient
from plangrep_async.testing import ManualClock

SEARCH = "/projects/p/source-search"
TEXT = "/projects/p/source-text"


async def test_search(client: PlangrepClient, service: Any, sample: Callable[[str], Any]) -> None:
    service.on("POST", SEARCH, sample("source_search"))
    result = await client.project("p").source_search(
        "exterior wall insulation R-value",
        max_hits=3,
        entity_types=["specification"],
        classification="specifications",
        file_name="spec",
        page_number=2,
        review_id="r",
        region_type="detail",
    )
    assert service.body() == {
        "query": "exterior wall insulation R-value",
        "maxHits": 3,
        "entityTypes": ["specification"],
        "classification": "specifications",
        "fileName": "spec",
        "pageNumber": 2,
        "reviewId": "r",
        "regionType": "detail",
    }
    hit = result.hits[0]
    assert (hit.score, hit.source_catalog_uri) == (0.92, "pgcat://proj_abc123/spec/07210/...")
    assert hit.source is not None
    assert hit.source.section_title == "Building Insulation"


async def test_an_index_that_is_not_ready_is_waited_for(
    client: PlangrepClient, service: Any, clock: ManualClock, sample: Callable[[str], Any]
) -> None:
    refusal = httpx.Response(409, json=sample("error"))
    service.on("POST", SEARCH, refusal, refusal, sample("source_search"))
    task = asyncio.ensure_future(client.project("p").source_search("q"))
    await clock.run_until_idle()
    assert (await task).hit_count == 3
    gaps = [later - earlier for earlier, later in zip(service.times, service.times[1:], strict=False)]
    assert gaps == [7.5, 7.5], "between 5 and 10 s, by lot"


async def test_but_not_for_ever(client: PlangrepClient, service: Any, clock: ManualClock, sample: Any) -> None:
    service.on("POST", SEARCH, httpx.Response(409, json=sample("error")))
    task = asyncio.ensure_future(client.project("p").source_search("q", index_attempts=3))
    await clock.run_until_idle()
    with pytest.raises(ConflictError) as caught:
        await task
    assert caught.value.code == "source_index_not_ready"
    assert len(service.requests) == 3
    task = asyncio.ensure_future(client.project("p").source_search("q", deadline=12))
    began = clock.monotonic()
    await clock.run_until_idle()
    with pytest.raises(ConflictError):
        await task
    assert clock.monotonic() - began == 7.5, "a further attempt would come too late, so nobody waits for it"


async def test_other_refusals_are_told_at_once(client: PlangrepClient, service: Any) -> None:
    service.on("POST", SEARCH, 400)
    with pytest.raises(BadRequestError):
        await client.project("p").source_search("q")
    assert len(service.requests) == 1


@pytest.mark.parametrize("arguments", [
    {"query": ""}, {"query": "q", "max_hits": 0}, {"query": "q", "max_hits": 51}, {"query": "q", "index_attempts": 0},
    {"query": "q", "project_ids": ["p"]}, {"query": "q", "classification": "plan"}, {"query": "q", "page_number": 0},
])  # fmt: skip
async def test_a_search_that_cannot_be(client: PlangrepClient, service: Any, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        await client.project("p").source_search(**arguments)
    assert not service.requests


async def test_text_comes_piece_by_piece(client: PlangrepClient, service: Any) -> None:
    pieces = {None: ("Provide ", "c1"), "c1": ("", "c2"), "c2": ("R-19.", None)}

    def answer(request: httpx.Request) -> httpx.Response:
        text, cursor = pieces[service.body().get("cursor")]
        return httpx.Response(200, json={"status": "success", "text": text, "nextCursor": cursor})

    service.on("POST", TEXT, answer)
    source = client.project("p").source_text("pgcat://x", text_kind="markdown", max_chars=8, facet_id="f")
    assert [piece.text async for piece in source] == ["Provide ", "", "R-19."]
    assert service.body(0) == {
        "sourceCatalogUri": "pgcat://x",
        "maxChars": 8,
        "textKind": "markdown",
        "facetId": "f",
    }
    assert await source.text() == "Provide R-19."
    with pytest.raises(InvalidInputError, match="more than 5 characters"):
        await source.text(limit=5)


async def test_text_that_never_ends_is_noticed(client: PlangrepClient, service: Any) -> None:
    service.on("POST", TEXT, {"text": "x", "nextCursor": "c"})
    with pytest.raises(DecodeError, match="never end"):
        await client.project("p").source_text("u").text()


@pytest.mark.parametrize("arguments", [
    {"source_catalog_uri": ""},
    {"source_catalog_uri": "u", "max_chars": 0},
    {"source_catalog_uri": "u", "max_chars": 50_001},
    {"source_catalog_uri": "u", "text_kind": "html"},
])  # fmt: skip
async def test_text_that_cannot_be(client: PlangrepClient, service: Any, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        client.project("p").source_text(**arguments)
    assert not service.requests
