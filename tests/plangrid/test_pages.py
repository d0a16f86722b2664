from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from plangrep_async.errors import DecodeError, InvalidInputError, ServerError
from plangrep_async.plangrid import PlanGridClient, Role
from plangrep_async.ratelimit import RateLimiter
from plangrep_async.testing.clock import settle

API = "https://api.test"
ROLES = "/projects/p/roles"


def page(uids: list[str], following: str | None, total: int = 9) -> dict[str, Any]:
    return {"data": [{"uid": uid} for uid in uids], "total_count": total, "next_page_url": following}


def uids(roles: list[Role]) -> list[str]:
    return [role.uid for role in roles]


@pytest.fixture
def three_pages(wire: Any) -> None:
    wire.answer("GET", f"{ROLES}?limit=2", page(["a", "b"], f"{API}{ROLES}?skip=2&limit=2"))
    wire.answer("GET", f"{ROLES}?skip=2&limit=2", page(["c", "d"], f"{API}{ROLES}?limit=2&skip=4"))
    wire.answer("GET", f"{ROLES}?limit=2&skip=4", page(["e"], None))


@pytest.fixture
def unlimited(make_client: Callable[..., PlanGridClient]) -> PlanGridClient:
    return make_client(limiter=RateLimiter())


@pytest.mark.usefixtures("three_pages")
async def test_a_listing_follows_the_service_s_own_links_as_they_stand(client: PlanGridClient, wire: Any) -> None:
    listing = client.project("p").roles.list(page_size=2)

    assert uids([role async for role in listing]) == ["a", "b", "c", "d", "e"]
    assert listing.total_count == 9
    assert wire.seen == [
        f"GET {ROLES}?limit=2",
        f"GET {ROLES}?skip=2&limit=2",
        f"GET {ROLES}?limit=2&skip=4",
    ]
    assert all("authorization" in request.headers for request in wire.requests)


@pytest.mark.usefixtures("three_pages")
async def test_awaiting_a_listing_gives_all(client: PlanGridClient) -> None:
    assert uids(await client.project("p").roles.list(page_size=2)) == ["a", "b", "c", "d", "e"]


async def test_one_page(client: PlanGridClient, wire: Any) -> None:
    wire.answer("GET", ROLES, page(["a"], f"{API}{ROLES}?skip=101", 400))

    found = await client.project("p").roles.page(limit=1, skip=100)

    assert (uids(list(found.data)), found.total_count, found.next_page_url) == (["a"], 400, f"{API}{ROLES}?skip=101")
    assert wire.seen == [f"GET {ROLES}?skip=100&limit=1"]


@pytest.mark.parametrize(("limit", "skip"), [(0, 0), (51, 0), (-1, 0), (10, -1), (True, 0), ("10", 0)])
async def test_limits_of_a_page_are_checked_before_sending(
    limit: Any, skip: Any, client: PlanGridClient, wire: Any
) -> None:
    with pytest.raises(InvalidInputError):
        await client.project("p").roles.page(limit=limit, skip=skip)
    if skip == 0:
        with pytest.raises(InvalidInputError):
            client.project("p").roles.list(page_size=limit)

    assert wire.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.test/projects",
        "http://api.test/projects",
        "https://api.test:444/projects",
        "//x/y",
        "ftp://api.test/",
    ],
)
async def test_a_link_to_another_origin_is_an_error_and_sees_no_credentials(
    url: str, client: PlanGridClient, wire: Any
) -> None:
    wire.answer("GET", ROLES, page(["a"], url + "?token=hush"))
    listing = client.project("p").roles.list()

    with pytest.raises(DecodeError, match="another origin") as caught:
        await listing

    assert len(wire.requests) == 1
    assert "hush" not in str(caught.value)
    with pytest.raises(StopAsyncIteration):
        await anext(listing)


async def test_a_link_in_a_circle_is_an_error(client: PlanGridClient, wire: Any) -> None:
    wire.answer("GET", f"{ROLES}?limit=50", page(["a"], f"{API}{ROLES}?skip=1"))
    wire.answer("GET", f"{ROLES}?skip=1", page(["b"], f"{API}{ROLES}?limit=50"))

    with pytest.raises(DecodeError, match="read already"):
        await client.project("p").roles.list()

    assert len(wire.requests) == 2


async def test_an_empty_page_in_between_is_no_end(client: PlanGridClient, wire: Any) -> None:
    wire.answer("GET", f"{ROLES}?limit=50", page([], f"{API}{ROLES}?skip=50"))
    wire.answer("GET", f"{ROLES}?skip=50", page(["a"], f"{API}{ROLES}?skip=100"))
    wire.answer("GET", f"{ROLES}?skip=100", page([], None))

    assert uids(await client.project("p").roles.list()) == ["a"]


async def test_empty_pages_without_end_are_an_error(unlimited: PlanGridClient, wire: Any) -> None:
    numbers = iter(range(10_000))
    wire.answer("GET", ROLES, lambda _: httpx.Response(200, json=page([], f"{API}{ROLES}?skip={next(numbers)}")))

    with pytest.raises(DecodeError, match="empty pages"):
        await unlimited.project("p").roles.list()

    assert len(wire.requests) == 100


async def test_records_that_are_not_wanted_are_left_out(client: PlanGridClient, wire: Any) -> None:
    records = [{"uid": "a", "deleted": False}, {"uid": "b", "deleted": True}, {"uid": "c"}]
    users = [{"uid": "a", "removed": True}, {"uid": "b", "removed": False}]
    for name in ("issues", "photos", "attachments", "annotations", "sheets", "snapshots", "issue_lists"):
        wire.answer("GET", f"/projects/p/{name}", {"data": records, "total_count": 3, "next_page_url": None})
        resource = getattr(client.project("p"), name)
        assert [record.uid for record in await resource.list()] == ["a", "b", "c"]
        assert [record.uid for record in await resource.list(include_deleted=False)] == ["a", "c"]
    wire.answer("GET", "/projects/p/users", {"data": users, "total_count": 2, "next_page_url": None})
    assert [user.uid for user in await client.project("p").users.list(include_deleted=False)] == ["b"]


async def test_going_on_after_an_error_reads_the_same_page_again(client: PlanGridClient, wire: Any) -> None:
    wire.answer("GET", f"{ROLES}?limit=50", page(["a"], f"{API}{ROLES}?skip=1"))
    wire.answer("GET", f"{ROLES}?skip=1", httpx.Response(500, json={"message": "Sorry"}), page(["b"], None))
    listing = client.project("p").roles.list(max_attempts=1)
    assert (await anext(listing)).uid == "a"

    with pytest.raises(ServerError):
        await anext(listing)

    assert uids([role async for role in listing]) == ["b"]


# Reading ahead


async def test_the_next_page_is_read_while_the_second_half_is_handed_out(unlimited: PlanGridClient, wire: Any) -> None:
    wire.answer("GET", f"{ROLES}?limit=50", page(["a", "b", "c", "d"], f"{API}{ROLES}?skip=4"))
    wire.answer("GET", f"{ROLES}?skip=4", page(["e"], None))
    listing = unlimited.project("p").roles.list()

    await anext(listing)
    await settle()
    assert len(wire.requests) == 1
    await anext(listing)
    await settle()
    assert len(wire.requests) == 2
    assert uids([role async for role in listing]) == ["c", "d", "e"]
    assert len(wire.requests) == 2


async def test_nothing_is_read_ahead_when_the_limiter_has_no_room(
    make_client: Callable[..., PlanGridClient], wire: Any
) -> None:
    limiter = RateLimiter()
    client = make_client(limiter=limiter)
    wire.answer("GET", f"{ROLES}?limit=50", page(["a", "b"], f"{API}{ROLES}?skip=2"))
    listing = client.project("p").roles.list()
    limiter.throttled(retry_after=200.0)
    limiter.available = lambda kinds=("all",): 1.0  # type: ignore[method-assign]
    limiter.acquire = _at_once  # type: ignore[method-assign]

    await anext(listing)
    await anext(listing)
    await settle()

    assert len(wire.requests) == 1


async def _at_once(*_: object, **__: object) -> float:
    return 0.0


def tasks() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]


def hanging(started: asyncio.Event, cancelled: asyncio.Event) -> Callable[[httpx.Request], Any]:
    async def hang(_: httpx.Request) -> httpx.Response:
        started.set()
        try:
            return await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    return hang


@pytest.mark.parametrize("how", ["break", "error", "aclose", "with"])
async def test_leaving_early_cancels_what_is_read_ahead(how: str, unlimited: PlanGridClient, wire: Any) -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()
    wire.answer("GET", f"{ROLES}?limit=50", page(["a", "b"], f"{API}{ROLES}?skip=2"))
    wire.answer("GET", f"{ROLES}?skip=2", hanging(started, cancelled))
    roles = unlimited.project("p").roles

    match how:
        case "break":
            async for _ in roles.list():
                await started.wait()
                break
        case "error":

            async def fail() -> None:
                async for _ in roles.list():
                    await started.wait()
                    raise ZeroDivisionError

            with pytest.raises(ZeroDivisionError):
                await fail()
        case "aclose":
            listing = roles.list()
            await anext(listing)
            await started.wait()
            await listing.aclose()
            assert cancelled.is_set()
            await listing.aclose()
            assert [role async for role in listing] == []
        case _:
            async with roles.list() as listing:
                await anext(listing)
                await started.wait()
    gc.collect()
    await settle()

    assert cancelled.is_set()
    assert tasks() == set()


@pytest.mark.parametrize("ahead", [False, True])
async def test_cancelling_while_waiting_for_a_page_leaves_nothing_and_can_go_on(
    ahead: bool, unlimited: PlanGridClient, wire: Any
) -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()
    wire.answer("GET", f"{ROLES}?limit=50", page(["a", "b"] if ahead else ["a"], f"{API}{ROLES}?skip=2"))
    wire.answer("GET", f"{ROLES}?skip=2", hanging(started, cancelled), page(["z"], None))
    listing = unlimited.project("p").roles.list()

    async def consume() -> None:
        async for _ in listing:
            pass

    consumer = asyncio.ensure_future(consume())
    await started.wait()
    consumer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await consumer
    await settle()

    assert cancelled.is_set()
    assert tasks() == set()
    assert uids([role async for role in listing]) == ["z"]


async def test_an_error_ahead_of_time_is_raised_in_its_place_only(unlimited: PlanGridClient, wire: Any) -> None:
    wire.answer("GET", f"{ROLES}?limit=50", page(["a", "b"], f"{API}{ROLES}?skip=2"))
    wire.answer("GET", f"{ROLES}?skip=2", httpx.Response(500))
    seen = []

    async def consume() -> None:
        async for role in unlimited.project("p").roles.list(max_attempts=1):
            await settle()
            seen.append(role.uid)

    with pytest.raises(ServerError):
        await consume()

    assert seen == ["a", "b"]


async def test_an_error_that_nobody_comes_for_makes_no_noise(unlimited: PlanGridClient, wire: Any) -> None:
    noise: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: noise.append(context))
    wire.answer("GET", f"{ROLES}?limit=50", page(["a", "b"], f"{API}{ROLES}?skip=2"))
    wire.answer("GET", f"{ROLES}?skip=2", httpx.Response(500))

    async for _ in unlimited.project("p").roles.list(max_attempts=1):
        await settle()
        break
    gc.collect()
    await settle()

    assert noise == []


async def test_one_listing_is_for_one_task(unlimited: PlanGridClient, wire: Any) -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()
    wire.answer("GET", ROLES, hanging(started, cancelled))
    listing = unlimited.project("p").roles.list()
    first = asyncio.ensure_future(anext(listing))
    await started.wait()

    with pytest.raises(RuntimeError, match="one listing for each"):
        await anext(listing)

    first.cancel()
    await asyncio.wait([first])


@pytest.mark.parametrize(
    "body", [b"[]", b'{"data": [], "next_page_url": 5}', b'{"total_count": 3}', b'{"data": {}}', b"<html>", b""]
)
async def test_what_is_no_page_is_an_error_that_keeps_the_body(body: bytes, client: PlanGridClient, wire: Any) -> None:
    wire.answer("GET", ROLES, body)

    with pytest.raises(DecodeError) as caught:
        await client.project("p").roles.list()

    assert caught.value.body == body


async def test_the_base_url_may_have_a_path(make_client: Callable[..., PlanGridClient], wire: Any) -> None:
    client = make_client(base_url=f"{API}/plangrid/")
    wire.answer("GET", f"/plangrid{ROLES}?limit=50", page(["a"], f"{API}/plangrid{ROLES}?skip=1"))
    wire.answer("GET", f"/plangrid{ROLES}?skip=1", page(["b"], f"{API}/v1{ROLES}?skip=2"))
    wire.answer("GET", f"/v1{ROLES}?skip=2", page(["c"], None))

    assert uids(await client.project("p").roles.list()) == ["a", "b", "c"]
    assert all("authorization" in request.headers for request in wire.requests)
