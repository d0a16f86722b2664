from __future__ import annotations

import asyncio
import os
import re
from contextlib import aclosing

import attrs
import pytest
from attrs import evolve

from plangrep_async.config import RetryPolicy
from plangrep_async.errors import (
    ClientClosedError,
    InvalidInputError,
    SourceChangedError,
    StorageError,
    TransferConnectionError,
    UploadExpiredError,
)
from plangrep_async.testing import FakeTransfer, settle
from plangrep_async.upload import (
    ConfirmedPart,
    MultipartTarget,
    PartRequest,
    PutTarget,
    SendAgain,
    StartOver,
    Upload,
    UploadFile,
    UploadState,
)
from plangrep_async.upload.wire import WireAnswer

URL = "https://storage.example/big"
SIZE, PART = 2_500_000, 600_000  # five parts, the last of 100,000
COUNT = 5


class Storage:
    """Parts by session, faults on demand."""

    def __init__(self):
        self.parts = {}
        self.faults = {}  # part number -> replies for its next attempts
        self.attempts = []
        self.finished = []
        self.aborted = []

    def __call__(self, request):
        session = re.search(r"session=(\w+)", request.url).group(1)
        number = int(re.search(r"partNumber=(\d+)", request.url).group(1))
        self.attempts.append(number)
        if self.faults.get(number):
            fault = self.faults[number].pop(0)
            if callable(fault):
                fault = fault(session)
            if fault is not None:
                return fault
        self.parts.setdefault(session, {})[number] = request.body
        return WireAnswer(200, {"etag": f'"{number}-{session}"'})

    def urls(self, session, **more):
        query = "".join(f"&{name}={value}" for name, value in more.items())
        return [f"{URL}?session={session}&partNumber={number}{query}" for number in range(1, COUNT + 1)]

    def target(self, session="s", listing=False, **options):
        async def list_parts():
            return [
                ConfirmedPart(number, len(body), f'"{number}-{session}"')
                for number, body in sorted(self.parts.get(session, {}).items())
            ]

        async def finish(parts):
            self.finished.append(tuple(parts))
            return "whole"

        async def abort():
            self.aborted.append(session)

        options.setdefault("part_urls", self.urls(session))
        options.setdefault("part_size", PART)
        return MultipartTarget(
            upload_id=session,
            list_parts=list_parts if listing else None,
            finish=finish,
            abort=abort,
            **options,
        )

    def content(self, session="s"):
        return b"".join(body for _, body in sorted(self.parts[session].items()))


@pytest.fixture
def storage():
    return Storage()


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "big.bin"
    path.write_bytes(os.urandom(SIZE))
    os.utime(path, ns=(0, 10**18))
    return path


@pytest.fixture
def run(open_scheduler, storage, path):
    async def run(target, **options):
        scheduler = open_scheduler(FakeTransfer(storage), max_parts=options.pop("max_parts", 3))
        report = await scheduler.run_all([Upload(path, target, **options)])
        [outcome] = report.uploaded or report.failed
        return outcome

    return run


async def test_parts_in_order_and_a_finish(run, storage, path):
    outcome = await run(storage.target())
    assert outcome.ok
    assert storage.content() == path.read_bytes()
    assert outcome.result.finished == "whole"
    assert [(p.number, p.size, p.etag) for p in storage.finished[0]] == [
        (number, PART if number < 5 else 100_000, f'"{number}-s"') for number in range(1, 6)
    ]
    assert storage.finished[0] == outcome.result.parts
    assert outcome.attempts == 5
    assert outcome.bytes_sent == SIZE


async def test_a_service_may_finish_elsewhere(run, storage):
    target = MultipartTarget(upload_id="s", part_size=PART, part_urls=storage.urls("s"))
    outcome = await run(target)
    assert outcome.ok
    assert storage.finished == []


async def test_an_empty_file_is_one_empty_part(open_scheduler, storage):
    scheduler = open_scheduler(FakeTransfer(storage))
    stored = await scheduler.upload(Upload(UploadFile(b"", name="x"), storage.target()))
    assert [(part.number, part.size) for part in stored.parts] == [(1, 0)]


async def test_each_part_is_repeated_alone(run, storage, path, make_answer):
    storage.faults = {2: [make_answer(503)], 4: [TransferConnectionError("cut"), make_answer(500)]}
    outcome = await run(storage.target())
    assert outcome.ok
    assert sorted(storage.attempts) == [1, 2, 2, 3, 4, 4, 4, 5]
    assert storage.content() == path.read_bytes()


async def test_the_count_begins_anew_when_other_parts_get_through(open_scheduler, storage, path, make_answer):
    storage.faults = {1: [make_answer(408)] * 5}  # more than the attempts in a row that are allowed
    slow = RetryPolicy(max_attempts=4, base=0.02, max_backoff=0.02)
    scheduler = open_scheduler(FakeTransfer(storage), max_parts=2, retry=slow)

    async def sign(part):
        if part.number > 1:  # these get through one after the other while part 1 is tried
            seen = storage.attempts.count(1)
            while storage.attempts.count(1) < min(seen + 1, 6):
                await asyncio.sleep(0.001)
        return PartRequest(storage.urls("s")[part.number - 1])

    await scheduler.upload(Upload(path, storage.target(part_urls=(), sign_part=sign)))
    assert storage.attempts.count(1) == 6


async def test_the_count_ends_when_nothing_gets_through(run, storage, make_answer):
    storage.faults = {n: [make_answer(408)] * 9 for n in range(1, 6)}
    outcome = await run(storage.target())
    assert outcome.error.status == 408
    assert max(storage.attempts.count(n) for n in range(1, 6)) == 4


async def test_a_hopeless_part_stops_the_others_and_keeps_the_session(run, storage, s3_error):
    storage.faults = {3: [s3_error(403, "AccessDenied")]}
    outcome = await run(storage.target())
    assert outcome.error.code == "AccessDenied"
    assert outcome.error.file_name == "big.bin"
    assert "part 3" in str(outcome.error)
    assert storage.finished == []
    assert storage.aborted == []


async def test_an_answer_without_an_etag(run, storage, make_answer):
    storage.faults = {1: [make_answer(200)] * 2}
    outcome = await run(storage.target())
    assert type(outcome.error) is StorageError
    assert "needs_etag=False" in str(outcome.error)
    outcome = await run(storage.target(needs_etag=False))
    assert outcome.ok


async def test_a_lost_answer_is_looked_up_in_the_list(run, storage):
    def keep_and_lose(number):
        def fault(session):
            storage.parts.setdefault(session, {})[number] = bytes(PART)
            return TransferConnectionError("the answer was lost")

        return fault

    storage.faults = {2: [keep_and_lose(2)]}
    outcome = await run(storage.target(listing=True))
    assert outcome.ok
    assert storage.attempts.count(2) == 1


async def test_without_a_list_the_part_is_sent_again(run, storage):
    storage.faults = {2: [TransferConnectionError("the answer was lost")]}
    outcome = await run(storage.target())
    assert outcome.ok
    assert storage.attempts.count(2) == 2


async def test_too_few_urls(run, storage):
    outcome = await run(storage.target(part_urls=storage.urls("s")[:4]))
    assert isinstance(outcome.error, InvalidInputError)
    assert storage.attempts == []


# Expiry


async def test_signing_part_by_part(run, storage, path, s3_error):
    signed = []

    async def sign(part):
        signed.append(part.number)
        return PartRequest(f"{URL}?session=s&partNumber={part.number}", {"x": "y"})

    storage.faults = {2: [s3_error(403, "AccessDenied", "Request has expired")]}
    outcome = await run(storage.target(part_urls=(), sign_part=sign))
    assert outcome.ok
    assert sorted(signed) == [1, 2, 2, 3, 4, 5]
    assert storage.content() == path.read_bytes()


async def test_signing_is_bounded(run, storage, s3_error):
    async def sign(part):
        return PartRequest(f"{URL}?session=s&partNumber={part.number}")

    storage.faults = {2: [s3_error(403, "AccessDenied", "Request has expired")] * 99}
    outcome = await run(storage.target(part_urls=(), sign_part=sign))
    assert isinstance(outcome.error, UploadExpiredError)
    assert storage.attempts.count(2) == 4


async def test_expired_urls_are_renewed_once_for_all_parts_and_keep_what_is_there(run, storage, path, s3_error):
    asked = []

    async def slot(request):
        asked.append(request)
        return storage.target(part_urls=storage.urls("s", fresh=request.renewal))

    expired = s3_error(403, "AccessDenied", "Request has expired")
    storage.faults = {2: [expired], 3: [expired], 4: [None]}
    outcome = await run(slot)
    assert outcome.ok
    assert len(asked) == 2
    assert sorted(storage.attempts) == [1, 2, 2, 3, 3, 4, 5]
    assert storage.content() == path.read_bytes()


async def test_a_renewal_with_another_session_starts_over(run, storage, path, s3_error):
    async def slot(request):
        return storage.target(f"s{request.renewal}")

    storage.faults = {4: [s3_error(400, "ExpiredToken")]}
    states = []
    outcome = await run(slot, on_state=lambda state: states.append(state))
    assert outcome.ok
    assert storage.content("s1") == path.read_bytes()
    assert len(storage.finished) == 1
    assert states[-1].upload_id == "s1"
    assert all(part.etag.endswith('-s1"') for part in states[-1].parts)


async def test_a_session_that_is_gone_starts_over(run, storage, path, s3_error):
    async def slot(request):
        return storage.target(f"s{request.renewal}")

    storage.faults = {3: [s3_error(404, "NoSuchUpload")]}
    outcome = await run(slot)
    assert outcome.ok
    assert storage.content("s1") == path.read_bytes()


async def test_a_renewal_may_bring_a_put(run, storage, s3_error, open_scheduler):
    async def slot(request):
        return PutTarget(url=f"{URL}?session=put&partNumber=0") if request.renewal else storage.target()

    storage.faults = {1: [s3_error(400, "ExpiredToken")]}
    outcome = await run(slot)
    assert outcome.ok
    assert storage.attempts[-1] == 0


# Finishing


async def test_finish_may_ask_to_begin_again(run, storage, path):
    asked = []

    async def slot(request):
        async def finish(parts):
            asked.append([part.number for part in parts])
            if len(asked) == 1:
                del storage.parts["s0"][2]
                raise SendAgain
            if len(asked) == 2:
                raise StartOver
            return "done"

        good = storage.target(f"s{request.renewal}", listing=True)
        return MultipartTarget(
            upload_id=good.upload_id,
            part_size=PART,
            part_urls=good.part_urls,
            list_parts=good.list_parts,
            finish=finish,
        )

    outcome = await run(slot)
    assert outcome.ok
    assert asked == [[1, 2, 3, 4, 5]] * 3
    assert storage.attempts.count(2) == 3  # lost once, and once more in the new session
    assert storage.attempts.count(1) == 2
    assert storage.content("s1") == path.read_bytes()


async def test_a_source_that_changes_under_it_is_given_up(run, storage, path):
    def change(_session):
        os.utime(path, ns=(0, 5))

    storage.faults = {5: [change]}
    outcome = await run(storage.target())
    assert isinstance(outcome.error, SourceChangedError)
    assert storage.finished == []
    assert storage.aborted == ["s"]


@pytest.mark.parametrize("abort", [False, True])
async def test_cancelling_keeps_the_session_unless_asked(open_scheduler, storage, path, abort):
    transfer = FakeTransfer(storage)
    transfer.gate.clear()
    scheduler = open_scheduler(transfer)
    task = asyncio.create_task(scheduler.upload(Upload(path, storage.target(), abort=abort)))
    while not transfer.running:
        await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert storage.aborted == (["s"] if abort else [])
    assert transfer.running == 0


class SlowAbort:
    """Gives a session up when it is told to; asks the service for it, where it can."""

    def __init__(self, scheduler=None):
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()
        self.done = False
        self.scheduler = scheduler

    async def __call__(self):
        self.begun.set()
        await self.go_on.wait()
        if self.scheduler is not None:
            await self.scheduler.request("GET", f"{URL}?session=other&partNumber=1")
        self.done = True


@pytest.mark.parametrize("way", ["upload", "run", "run_all"])
async def test_the_session_is_given_up_however_often_it_is_cancelled(way, open_scheduler, storage, path):
    transfer = FakeTransfer(storage)
    transfer.gate.clear()
    scheduler = open_scheduler(transfer)
    abort = SlowAbort()
    upload = Upload(path, attrs.evolve(storage.target(), abort=abort), abort=True)

    async def consume():
        async with aclosing(scheduler.run([upload])) as outcomes:
            async for _ in outcomes:
                pass

    ways = {"upload": lambda: scheduler.upload(upload), "run": consume, "run_all": lambda: scheduler.run_all([upload])}
    task = asyncio.create_task(ways[way]())
    while not transfer.running:
        await asyncio.sleep(0.001)
    task.cancel()
    await abort.begun.wait()
    for _ in range(3):
        task.cancel()
        await settle()
    assert not task.done()
    abort.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert abort.done


async def test_the_session_is_given_up_when_the_scheduler_is_left(open_scheduler, storage, path):
    transfer = FakeTransfer(storage)
    transfer.gate.clear()
    scheduler = open_scheduler(transfer)
    abort = SlowAbort(scheduler)
    target = attrs.evolve(storage.target(), abort=abort)
    task = asyncio.create_task(scheduler.upload(Upload(path, target, abort=True)))
    while not transfer.running:
        await asyncio.sleep(0.001)
    closing = asyncio.create_task(scheduler.aclose())
    await abort.begun.wait()
    transfer.gate.set()
    abort.go_on.set()
    await closing
    assert abort.done
    with pytest.raises(ClientClosedError):
        await task
    with pytest.raises(ClientClosedError):
        await scheduler.request("GET", "https://storage.example/")


# Resume


async def interrupted(open_scheduler, storage, path, after=2):
    """The state of an upload that died when ``after`` parts were confirmed."""
    states = []

    def keep(state):
        states.append(UploadState.from_json(state.to_json()))
        if len(state.parts) >= after:
            raise OSError("killed")

    scheduler = open_scheduler(FakeTransfer(storage), max_parts=1)
    with pytest.raises(OSError, match="killed"):
        await scheduler.upload(Upload(path, storage.target(), on_state=keep))
    storage.attempts.clear()
    return states[-1]


async def test_only_what_is_missing_is_sent(run, storage, path, open_scheduler):
    state = await interrupted(open_scheduler, storage, path)
    assert [part.number for part in state.parts] == [1, 2]
    outcome = await run(storage.target(), resume=state)
    assert outcome.ok
    assert sorted(storage.attempts) == [3, 4, 5]
    assert storage.content() == path.read_bytes()
    assert [part.number for part in storage.finished[-1]] == [1, 2, 3, 4, 5]


async def test_the_list_of_the_server_goes_before_the_state(run, storage, path, open_scheduler):
    state = await interrupted(open_scheduler, storage, path)
    storage.parts["s"] = {1: storage.parts["s"][1], 5: path.read_bytes()[4 * PART :]}
    outcome = await run(storage.target(listing=True), resume=state)
    assert outcome.ok
    assert sorted(storage.attempts) == [2, 3, 4]
    assert storage.content() == path.read_bytes()


async def test_parts_of_another_size_are_sent_again(run, storage, path, open_scheduler):
    state = await interrupted(open_scheduler, storage, path)
    storage.parts["s"][1] = b"short"
    storage.parts["s"][99] = b"not ours"
    outcome = await run(storage.target(listing=True), resume=state)
    assert outcome.ok
    assert sorted(storage.attempts) == [1, 3, 4, 5]


@pytest.fixture
def gone(storage):
    """A target whose session is not known any more."""

    def make(**options):
        async def list_parts():
            raise StartOver("no such session")

        return evolve(storage.target(), list_parts=list_parts, **options)

    return make


async def test_a_session_that_a_killed_process_finished_is_finished_again(run, storage, path, open_scheduler, gone):
    state = await interrupted(open_scheduler, storage, path, after=COUNT)
    outcome = await run(gone(), resume=state)
    assert outcome.ok
    assert storage.attempts == []
    assert storage.finished[-1] == state.parts


@pytest.mark.parametrize(("after", "options"), [(COUNT - 1, {}), (COUNT, {"finish": None})])
async def test_any_other_session_that_is_gone_starts_over(run, storage, path, open_scheduler, gone, after, options):
    state = await interrupted(open_scheduler, storage, path, after=after)

    async def slot(request):
        return storage.target("another") if request.renewal else gone(**options)

    outcome = await run(slot, resume=state)
    assert outcome.ok
    assert storage.content("another") == path.read_bytes()


# Another part size in the same session: two parts, of which the second has the size of the old ones and other bytes.
RECUT = SIZE - PART


async def test_parts_that_were_cut_otherwise_are_sent_again(run, storage, path, open_scheduler):
    state = await interrupted(open_scheduler, storage, path)
    states = []
    outcome = await run(storage.target(part_size=RECUT, listing=True), resume=state, on_state=states.append)
    assert outcome.ok
    assert sorted(storage.attempts) == [1, 2]
    assert storage.parts["s"][1] + storage.parts["s"][2] == path.read_bytes()
    assert [part.size for part in storage.finished[-1]] == [RECUT, PART]
    assert states[-1].part_size == RECUT


async def test_they_are_not_believed_in_later_processes_either(run, storage, path, open_scheduler):
    states = []

    def keep(state):
        states.append(UploadState.from_json(state.to_json()))
        if len(state.parts) == 1:
            raise OSError("killed")

    state = await interrupted(open_scheduler, storage, path)
    outcome = await run(storage.target(part_size=RECUT), resume=state, on_state=keep, max_parts=1)
    assert str(outcome.error) == "killed"
    for part_size, sent in ((RECUT, [2]), (PART, [1, 2, 3, 4, 5])):
        storage.attempts.clear()
        outcome = await run(storage.target(part_size=part_size, listing=True), resume=states[-1])
        assert outcome.ok
        assert sorted(storage.attempts) == sent
        parts = storage.parts["s"]
        assert b"".join(parts[part.number] for part in storage.finished[-1]) == path.read_bytes()


async def test_nor_when_an_answer_is_lost(run, storage, path, open_scheduler):
    state = await interrupted(open_scheduler, storage, path)
    storage.faults = {2: [TransferConnectionError("the answer was lost")]}
    outcome = await run(storage.target(part_size=RECUT, listing=True), resume=state)
    assert outcome.ok
    assert storage.attempts.count(2) == 2
    assert storage.parts["s"][1] + storage.parts["s"][2] == path.read_bytes()


async def test_nor_when_a_renewal_cuts_otherwise(run, storage, path, s3_error):
    sizes = [PART, RECUT, PART]

    async def slot(request):
        return storage.target(part_size=sizes[request.renewal], listing=True)

    expired = s3_error(403, "AccessDenied", "Request has expired")
    storage.faults = {4: [expired], 1: [None, expired]}
    outcome = await run(slot, max_parts=1)
    assert outcome.ok
    assert storage.attempts == [1, 2, 3, 4, 1, 1, 2, 3, 4, 5]
    assert storage.content() == path.read_bytes()


async def test_a_slot_function_sees_the_state_and_may_begin_another_session(run, storage, path, open_scheduler):
    state = await interrupted(open_scheduler, storage, path)
    seen = []

    async def slot(request):
        seen.append(request.state.upload_id)
        return storage.target("other")

    outcome = await run(slot, resume=state)
    assert outcome.ok
    assert seen == ["s"]
    assert sorted(storage.attempts) == [1, 2, 3, 4, 5]


async def test_a_new_session_is_not_asked_what_it_holds(run, storage):
    async def broken():
        raise AssertionError("nothing can be there")

    good = storage.target()
    target = MultipartTarget(upload_id="s", part_size=PART, part_urls=good.part_urls, list_parts=broken)
    assert (await run(target)).ok


async def test_states_grow_part_by_part_and_the_last_is_stored(run, storage):
    states = []
    outcome = await run(storage.target(memo={"document": "d"}), on_state=states.append, max_parts=1)
    assert outcome.ok
    assert [len(state.parts) for state in states] == [0, 1, 2, 3, 4, 5, 5]
    assert [state.stored for state in states] == [False] * 6 + [True]
    assert states[-1].memo == {"document": "d"}


async def test_a_slow_journal_gets_fewer_and_newer_states(run, storage):
    states = []

    async def keep(state):
        states.append(state)
        await asyncio.sleep(0.01)

    target = storage.target()
    outcome = await run(target, on_state=keep, max_parts=5)
    assert outcome.ok
    assert len(states) < 7
    assert len(states[-2].parts) == 5  # all are told before the session is finished
