"""The last step of an upload: whatever is answered, one record in the end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest

from plangrep_async.errors import (
    BadRequestError,
    NotFoundError,
    PermissionDeniedError,
    UploadUnconfirmedError,
)
from plangrep_async.plangrid import Attachment, PlanGridClient, Unverified
from plangrep_async.plangrid._codec import nothing, record_of
from plangrep_async.plangrid.uploads.completion import Completion
from plangrep_async.testing import ManualClock
from plangrep_async.testing.clock import settle
from plangrep_async.upload import SendAgain, StartOver, Stored

API = "https://api.test"
PATH = "/projects/p/attachments/uploads/completions/token"
RECORD = {"uid": "a", "name": "spec.pdf"}
READ = "/projects/p/attachments/a"
MISSING = httpx.Response(404, json={"message": "Attachment (a) does not exist on project (p)."})
CONSUMED = httpx.Response(409, json={"message": "Upload token (token) consumed."})
EXPIRED = httpx.Response(410, json={"message": "Upload token (token) expired."})
LOST = httpx.ReadError("the connection broke")


class Case:
    def __init__(self, client: PlanGridClient, wire: Any, clock: ManualClock) -> None:
        self.client, self.wire, self.clock = client, wire, clock
        context = client._context
        attachments = client.project("p").attachments
        self.completion = Completion(context, partial(record_of, Attachment), attachments.get)

    async def run(self, url: str = f"{API}{PATH}", completion: Any = None, uid: str = "a") -> Any:
        stored = Stored((), memo={"uid": uid, "webhook_url": url})
        running = asyncio.ensure_future((completion or self.completion)(stored))
        while not running.done():
            await settle()
            await self.clock.run_until_idle(60.0)
        return await running


@pytest.fixture
def case(make_client: Callable[..., PlanGridClient], wire: Any) -> Case:
    clock = ManualClock()
    return Case(make_client(clock=clock, random=lambda: 0.5), wire, clock)


async def test_the_record_comes_with_the_first_answer(case: Case) -> None:
    case.wire.answer("GET", PATH, httpx.Response(201, json=RECORD))

    assert (await case.run()).name == "spec.pdf"
    assert case.wire.seen == [f"GET {PATH}"]
    assert "authorization" in case.wire.requests[0].headers


async def test_a_query_is_kept(case: Case) -> None:
    case.wire.answer("GET", PATH, httpx.Response(201, json=RECORD))

    await case.run(f"{API}{PATH}?bucket=b&key=k%2Fl&etag=%22e%22")

    assert case.wire.seen == [f"GET {PATH}?bucket=b&key=k%2Fl&etag=%22e%22"]


async def test_a_used_up_token_means_that_the_record_is_there(case: Case) -> None:
    case.wire.answer("GET", PATH, CONSUMED)
    case.wire.answer("GET", READ, RECORD)

    assert (await case.run()).name == "spec.pdf"
    assert case.wire.seen == [f"GET {PATH}", f"GET {READ}"]


async def test_a_lost_answer_is_asked_for_again(case: Case) -> None:
    case.wire.answer("GET", PATH, LOST, CONSUMED)
    case.wire.answer("GET", READ, RECORD)

    assert (await case.run()).name == "spec.pdf"
    assert case.wire.seen == [f"GET {PATH}", f"GET {PATH}", f"GET {READ}"]


async def test_an_unreadable_answer_is_asked_for_again(case: Case) -> None:
    case.wire.answer("GET", PATH, httpx.Response(201, text="<html>"), CONSUMED)
    case.wire.answer("GET", READ, RECORD)

    assert (await case.run()).name == "spec.pdf"


async def test_the_record_of_another_upload_is_not_taken_for_this_one(case: Case) -> None:
    case.wire.answer("GET", PATH, httpx.Response(201, json={"uid": "b", "name": "other.pdf"}), CONSUMED)
    case.wire.answer("GET", READ, RECORD)

    assert (await case.run()).name == "spec.pdf"
    assert case.wire.seen == [f"GET {PATH}", f"GET {PATH}", f"GET {READ}"]


async def test_when_the_record_read_is_another_one_too_nothing_is_certain(case: Case) -> None:
    case.wire.answer("GET", PATH, httpx.Response(201, json={"uid": "b"}), CONSUMED)
    case.wire.answer("GET", READ, {"uid": "b"})

    with pytest.raises(UploadUnconfirmedError, match="not the one that was asked for"):
        await case.run()


async def test_completions_that_are_answered_in_another_order_find_their_records_alone(
    make_client: Callable[..., PlanGridClient], wire: Any
) -> None:
    used: set[str] = set()

    def complete(path: str) -> httpx.Response:
        uid = path.rpartition("-")[2]
        if uid in used:
            return CONSUMED
        used.add(uid)
        return httpx.Response(201, json={"uid": uid, "name": f"{uid}.pdf"})

    def reversed_batch(request: httpx.Request) -> httpx.Response:
        answers = [complete(entry["path"]) for entry in json.loads(request.content)]
        parts = [{"status_code": answer.status_code, "body": answer.text} for answer in answers]
        return httpx.Response(200, json={"data": parts[::-1]})

    wire.answer("POST", "/batch", reversed_batch)
    for uid in "ab":
        wire.answer("GET", f"{PATH}-{uid}", lambda request: complete(request.url.path))
        wire.answer("GET", f"/projects/p/attachments/{uid}", {"uid": uid, "name": f"{uid}.pdf"})
    clock = ManualClock()
    attachments = make_client(clock=clock, random=lambda: 0.5).project("p").attachments
    completions = [attachments.make_upload(b"%PDF-", name=f"{uid}.pdf").complete for uid in "ab"]
    running = asyncio.gather(
        *[
            completion(Stored((), memo={"uid": uid, "webhook_url": f"{API}{PATH}-{uid}"}))
            for uid, completion in zip("ab", completions, strict=True)
            if completion is not None
        ]
    )
    while not running.done():
        await settle()
        await clock.run_until_idle(60.0)

    assert [record.name for record in await running] == ["a.pdf", "b.pdf"]
    assert wire.seen[0] == "POST /batch"
    assert sorted(wire.seen[1:]) == sorted(
        [f"GET {PATH}-{uid}" for uid in "ab"] + [f"GET /projects/p/attachments/{uid}" for uid in "ab"]
    )


@pytest.mark.parametrize("uid", ["A", ""])
async def test_a_uid_may_be_spelled_in_another_way_or_be_missing_in_the_slot(uid: str, case: Case) -> None:
    case.wire.answer("GET", PATH, httpx.Response(201, json=RECORD))

    assert (await case.run(uid=uid)).name == "spec.pdf"


async def test_a_failure_names_the_url_to_go_on_with(case: Case) -> None:
    again = f"{API}/v1{PATH}"
    body = f'{{"message": "Sorry." "url": "{again}"}}'.encode()
    case.wire.answer("GET", PATH, httpx.Response(500, content=body))
    case.wire.answer("GET", f"/v1{PATH}", httpx.Response(201, json=RECORD))

    assert (await case.run()).name == "spec.pdf"
    assert case.wire.seen == [f"GET {PATH}", f"GET /v1{PATH}"]


async def test_a_failure_without_a_url_is_tried_at_the_same_one(case: Case) -> None:
    case.wire.answer("GET", PATH, httpx.Response(503), httpx.Response(500), httpx.Response(201, json=RECORD))

    assert (await case.run()).name == "spec.pdf"
    assert case.wire.seen == [f"GET {PATH}"] * 3


async def test_a_url_elsewhere_sees_no_credentials(case: Case) -> None:
    elsewhere = "https://dispatcher.test/v1/completions/token"
    case.wire.answer("GET", elsewhere, httpx.Response(201, json=RECORD))

    assert (await case.run(elsewhere)).name == "spec.pdf"

    (request,) = case.wire.requests
    assert "authorization" not in request.headers
    assert "plangrid" not in request.headers.get("accept", "")


@pytest.mark.parametrize("answer", [LOST, httpx.Response(500), httpx.Response(201, text="rubbish")])
async def test_when_nothing_helps_the_record_is_looked_for(answer: Any, case: Case) -> None:
    case.wire.answer("GET", PATH, answer)
    case.wire.answer("GET", READ, RECORD)

    assert (await case.run()).name == "spec.pdf"
    assert case.wire.seen == [f"GET {PATH}"] * 5 + [f"GET {READ}"]


@pytest.mark.parametrize("reading", [MISSING, httpx.Response(403, json={"message": "no"})])
async def test_what_cannot_be_found_out_is_said(reading: Any, case: Case) -> None:
    case.wire.answer("GET", PATH, httpx.Response(500, json={"message": "Sorry."}))
    case.wire.answer("GET", READ, reading)

    with pytest.raises(UploadUnconfirmedError, match="could not be found out") as caught:
        await case.run()

    assert caught.value.__cause__ is not None


async def test_a_used_up_token_without_a_record_is_not_guessed_about(case: Case) -> None:
    case.wire.answer("GET", PATH, CONSUMED)
    case.wire.answer("GET", READ, MISSING)

    with pytest.raises(UploadUnconfirmedError):
        await case.run()


async def test_an_expired_token_begins_anew(case: Case) -> None:
    case.wire.answer("GET", PATH, EXPIRED)
    case.wire.answer("GET", READ, MISSING)

    with pytest.raises(StartOver):
        await case.run()


async def test_an_expired_token_whose_record_exists_does_not_make_a_second_one(case: Case) -> None:
    case.wire.answer("GET", PATH, LOST, EXPIRED)
    case.wire.answer("GET", READ, RECORD)

    assert (await case.run()).name == "spec.pdf"


async def test_when_the_record_of_an_expired_token_cannot_be_read_nothing_begins_anew(case: Case) -> None:
    case.wire.answer("GET", PATH, EXPIRED)
    case.wire.answer("GET", READ, httpx.Response(403))

    with pytest.raises(UploadUnconfirmedError):
        await case.run()


async def test_a_missing_file_is_sent_again_a_few_times(case: Case) -> None:
    case.wire.answer("GET", PATH, httpx.Response(400, json={"message": "File ... is missing."}))

    for _ in range(3):
        with pytest.raises(SendAgain):
            await case.run()
    with pytest.raises(BadRequestError):
        await case.run()


@pytest.mark.parametrize(("status", "error"), [(403, PermissionDeniedError), (404, NotFoundError)])
async def test_refusals_are_what_they_are(status: int, error: type[Exception], case: Case) -> None:
    case.wire.answer("GET", PATH, httpx.Response(status, json={"message": "no"}))

    with pytest.raises(error):
        await case.run()

    assert len(case.wire.requests) == 1


# Files of a version have no record


async def test_a_version_s_file_needs_no_answer_to_read(case: Case) -> None:
    completion: Completion[None] = Completion(case.client._context, lambda _: nothing, None)
    case.wire.answer("GET", PATH, httpx.Response(204), CONSUMED)

    assert await case.run(completion=completion) is None
    assert await case.run(completion=completion) is None
    assert case.wire.seen == [f"GET {PATH}"] * 2


async def test_a_version_s_file_whose_token_ran_out_begins_anew(case: Case) -> None:
    case.wire.answer("GET", PATH, EXPIRED)

    with pytest.raises(StartOver):
        await case.run(completion=Completion(case.client._context, lambda _: nothing, None))


async def test_where_get_is_refused_post_is_tried(case: Case) -> None:
    case.wire.answer("GET", PATH, httpx.Response(405, json={"message": "Method not allowed."}))
    case.wire.answer("POST", PATH, httpx.Response(201, json={}))

    assert await case.run(completion=Completion(case.client._context, lambda _: nothing, None)) is None

    assert case.wire.seen == [f"GET {PATH}", f"POST {PATH}"]
    assert case.wire.requests[1].headers["content-type"] == "application/json"


def test_the_method_is_an_assumption() -> None:
    assert Unverified().version_file_by_post is False


async def test_cancelling_while_it_waits_ends_it(case: Case) -> None:
    case.wire.answer("GET", PATH, httpx.Response(503))
    running = asyncio.ensure_future(case.completion(Stored((), memo={"uid": "a", "webhook_url": f"{API}{PATH}"})))
    await settle()

    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert case.clock.next_timer() is None
