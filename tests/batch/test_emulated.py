"""The coalescer over real sockets, before the emulated service."""

import asyncio

import pytest

from plangrep_async.batch import Coalescer
from plangrep_async.config import RetryPolicy
from plangrep_async.emulator import Emulator, Fault, PlangridSettings
from plangrep_async.emulator.plangrid.batch import ENTRY_SERVICE
from plangrep_async.errors import NotFoundError, PlangrepAsyncError
from plangrep_async.ratelimit import RateLimit, RateLimiter
from plangrep_async.session import BasicCredentials, Call, Session

GET = "GET /projects/{project_uid}/issues/{issue_uid}"
BATCH = "POST /batch"


@pytest.fixture(scope="module")
def started():
    with Emulator(plangrid=PlangridSettings(limits=())) as emulator:
        (project,) = emulator.plangrid.seed(issues=1_000)
        yield emulator, project, [issue.uid for issue in emulator.plangrid.records("issues", project)]


@pytest.fixture
def emulated(started):
    emulator, project, uids = started
    emulator.faults.clear()
    emulator.requests.clear()
    return emulator, f"/projects/{project}", uids


@pytest.fixture
async def coalescer(emulated):
    emulator, _, _ = emulated
    session = Session(
        base_url=emulator.plangrid_url,
        credentials=BasicCredentials(emulator.api_key),
        headers={"Accept": "application/vnd.plangrid+json; version=1"},
        retry=RetryPolicy(base=0.01),
        limiter=RateLimiter([RateLimit(1_000, 1.0)]),
    )
    async with session:
        coalescer = Coalescer(session)
        yield coalescer
        await coalescer.aclose()


def issue(path, uid):
    return Call("GET", f"{path}/issues/{uid}", lambda answer: answer.json()["uid"])


def new_project(number):
    return Call("POST", "/projects", lambda answer: answer.json()["name"], json={"name": f"Tower {number}"})


async def results_of(coalescer, calls):
    return await asyncio.gather(*(coalescer.send(call) for call in calls), return_exceptions=True)


async def test_a_thousand_issues_are_twenty_requests(emulated, coalescer):
    emulator, path, uids = emulated
    assert await results_of(coalescer, [issue(path, uid) for uid in uids]) == uids
    assert emulator.requests.count(BATCH) == 20
    assert emulator.requests.count(service="plangrid") == 20


async def test_a_lone_call_is_an_ordinary_request(emulated, coalescer):
    emulator, path, uids = emulated
    assert await coalescer.send(issue(path, uids[0])) == uids[0]
    assert emulator.requests.count(BATCH) == 0


async def test_missing_records_are_errors_of_their_own(emulated, coalescer):
    _, path, uids = emulated
    first, missing, last = await results_of(
        coalescer, [issue(path, uid) for uid in (uids[0], "00000000-0000-0000-0000-000000000000", uids[1])]
    )
    assert (first, last) == (uids[0], uids[1])
    assert type(missing) is NotFoundError
    assert "does not exist" in missing.service_message


async def test_reads_survive_whatever_befalls_batches_and_entries(emulated, coalescer):
    emulator, path, uids = emulated
    emulator.faults.add(GET, Fault.answer(500), service=ENTRY_SERVICE, probability=0.05)
    emulator.faults.add(BATCH, Fault.cut("after"), service="plangrid", times=2)
    emulator.faults.add(BATCH, Fault.cut("before"), service="plangrid", times=1, skip=4)
    emulator.faults.add(BATCH, Fault.html(502, when="after"), service="plangrid", times=1, skip=6)
    emulator.faults.add(BATCH, Fault.truncated_json(), service="plangrid", times=1, skip=8)
    emulator.faults.add(BATCH, Fault.answer(413), service="plangrid", times=1, skip=10)
    emulator.faults.add(BATCH, Fault.answer(429, retry_after=0.1), service="plangrid", times=1, skip=12)
    await asyncio.to_thread(emulator.plangrid.tamper_batches, "drop", "add", "not a list")
    assert await results_of(coalescer, [issue(path, uid) for uid in uids]) == uids


async def test_writes_are_carried_out_at_most_once_and_told_apart(emulated, coalescer):
    emulator, _, _ = emulated
    before = len(await asyncio.to_thread(emulator.plangrid.created, "project"))
    emulator.faults.add(BATCH, Fault.cut("after"), service="plangrid", nth=2)
    emulator.faults.add(BATCH, Fault.answer(400), service="plangrid", nth=3)
    emulator.faults.add("POST /projects", Fault.answer(429, retry_after=0.05), service=ENTRY_SERVICE, times=5)
    results = await results_of(coalescer, [new_project(number) for number in range(200)])
    created = await asyncio.to_thread(emulator.plangrid.created, "project")
    made = [creation.uid for creation in created][before:]
    lost = [result for result in results if not isinstance(result, str)]
    assert [result for result in results if isinstance(result, str)] == [
        f"Tower {number}" for number, result in enumerate(results) if isinstance(result, str)
    ]
    assert len(made) == len(set(made)) == 200, "each once, the lost ones too"
    assert len(lost) == 50
    assert all(isinstance(error, PlangrepAsyncError) and "may have been carried out" in str(error) for error in lost)


async def test_cancelled_reads_leave_the_others_whole(emulated, coalescer):
    emulator, path, uids = emulated
    emulator.faults.add(BATCH, Fault.latency(0.2, "after"), service="plangrid")
    tasks = [asyncio.ensure_future(coalescer.send(issue(path, uid))) for uid in uids[:150]]
    while emulator.requests.count(BATCH, status=None) < 1:
        await asyncio.sleep(0.01)
    for task in tasks[::2]:
        task.cancel()
    assert await asyncio.gather(*tasks[1::2]) == uids[1:150:2]
    statistics = coalescer.statistics()
    assert (statistics.waiting, statistics.resting) == (0, 0)
