"""Whether what is given on resume is what was begun: a file tells by its inode, any other source by its bytes."""

from __future__ import annotations

import gzip
import hashlib
import io
import json

import pytest
from attrs import evolve

from plangrep_async.errors import SourceChangedError
from plangrep_async.testing import FakeTransfer
from plangrep_async.upload import (
    ConfirmedPart,
    MultipartTarget,
    PutTarget,
    Upload,
    UploadFile,
    UploadState,
)
from plangrep_async.upload.wire import WireAnswer

URL = "https://storage.example/k"
PART = 100_000
OURS, THEIRS = b"A" * 250_000, b"B" * 250_000


async def pieces(content):
    for start in range(0, len(content), 70_000):
        yield content[start : start + 70_000]


def spooled(content, tmp_path):
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(content))
    return UploadFile(gzip.open(path), name="plan.pdf")


KINDS = {
    "memory": lambda content, _: UploadFile(content, name="plan.pdf"),
    "seekable": lambda content, _: UploadFile(io.BytesIO(content), name="plan.pdf"),
    "unpacked": spooled,
    "function": lambda content, _: UploadFile(lambda: io.BytesIO(content), name="plan.pdf"),
    "iterator": lambda content, _: UploadFile(pieces(content), name="plan.pdf", size=len(content)),
    "kept iterator": lambda content, _: UploadFile(pieces(content), name="plan.pdf", size=len(content), spool=True),
}


@pytest.fixture
def make(kind, tmp_path):
    return lambda content: KINDS[kind](content, tmp_path)


class Parts:
    """The far end: parts by number; the third fails while ``broken``."""

    def __init__(self):
        self.stored = {}
        self.broken = True

    def __call__(self, request):
        number = int(request.url[-1])
        if self.broken and number == 3:
            return WireAnswer(403, {})
        self.stored[number] = request.body
        return WireAnswer(200, {"etag": f'"{number}"'})

    def target(self):
        urls = [f"{URL}{number}" for number in (1, 2, 3)]
        return MultipartTarget(upload_id="u", part_size=PART, part_urls=urls)

    @property
    def whole(self):
        return b"".join(body for _, body in sorted(self.stored.items()))


async def begun(scheduler, parts, file, **options):
    """The state that a former process left in its journal."""
    states = []
    upload = Upload(file, parts.target(), on_state=states.append, **options)
    assert (await scheduler.run_all([upload])).failed
    parts.broken = False
    return UploadState.from_json(json.loads(json.dumps(states[-1].to_json())))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("digests", [(), ("sha256",), ("md5",)])
async def test_the_same_bytes_go_on(open_scheduler, make, digests):
    parts = Parts()
    scheduler = open_scheduler(FakeTransfer(parts), max_parts=1)
    state = await begun(scheduler, parts, make(OURS), digests=digests)
    assert state.sha256 == hashlib.sha256(OURS).hexdigest()
    assert [part.number for part in state.parts] == [1, 2]
    parts.stored[1] = OURS[:PART]
    stored = await scheduler.upload(Upload(make(OURS), parts.target(), resume=state, digests=digests))
    assert parts.whole == OURS
    assert [part.number for part in stored.parts] == [1, 2, 3]
    assert tuple(stored.file.digests) == digests


@pytest.mark.parametrize("kind", KINDS)
async def test_other_bytes_of_the_same_size_do_not(open_scheduler, make):
    parts = Parts()
    transfer = FakeTransfer(parts)
    scheduler = open_scheduler(transfer, max_parts=1)
    state = await begun(scheduler, parts, make(OURS))
    sent = len(transfer.requests)
    with pytest.raises(SourceChangedError, match=r"plan\.pdf is not the file.*bytes differ"):
        await scheduler.upload(Upload(make(THEIRS), parts.target(), resume=state))
    assert len(transfer.requests) == sent


@pytest.mark.parametrize("kind", KINDS)
async def test_other_bytes_do_not_pass_as_stored_either(open_scheduler, make):
    states, completed = [], []
    scheduler = open_scheduler(FakeTransfer())

    async def complete(stored):
        completed.append(stored)

    await scheduler.upload(Upload(make(OURS), PutTarget(url=URL), on_state=states.append))
    assert states[-1].stored
    with pytest.raises(SourceChangedError, match="bytes differ"):
        await scheduler.upload(Upload(make(THEIRS), PutTarget(url=URL), resume=states[-1], complete=complete))
    assert completed == []
    await scheduler.upload(Upload(make(OURS), PutTarget(url=URL), resume=states[-1], complete=complete))
    assert len(completed) == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_a_state_that_cannot_tell_is_not_trusted(open_scheduler, make):
    parts = Parts()
    scheduler = open_scheduler(FakeTransfer(parts), max_parts=1)
    state = evolve(await begun(scheduler, parts, make(OURS)), sha256=None)
    with pytest.raises(SourceChangedError, match=r"no sha256.*upload it anew"):
        await scheduler.upload(Upload(make(OURS), parts.target(), resume=state))


async def test_a_file_is_not_read_for_it(open_scheduler, tmp_path):
    path = tmp_path / "plan.pdf"
    path.write_bytes(OURS)
    parts = Parts()
    scheduler = open_scheduler(FakeTransfer(parts), max_parts=1)
    state = await begun(scheduler, parts, path)
    assert state.sha256 is None
    await scheduler.upload(Upload(path, parts.target(), resume=state))
    assert parts.whole == OURS


async def test_a_digest_that_was_asked_for_is_compared_for_a_file_too(open_scheduler, tmp_path):
    path = tmp_path / "plan.pdf"
    path.write_bytes(OURS)
    parts = Parts()
    scheduler = open_scheduler(FakeTransfer(parts), max_parts=1)
    state = evolve(await begun(scheduler, parts, path, digests=["sha256"]), sha256=hashlib.sha256(THEIRS).hexdigest())
    with pytest.raises(SourceChangedError, match="bytes differ"):
        await scheduler.upload(Upload(path, parts.target(), resume=state, digests=["sha256"]))


async def test_the_digest_stays_in_later_states(open_scheduler, tmp_path):
    path = tmp_path / "plan.pdf"
    path.write_bytes(OURS)
    parts, states = Parts(), []
    scheduler = open_scheduler(FakeTransfer(parts), max_parts=1)
    state = await begun(scheduler, parts, path, digests=["sha256"])

    async def another(_request):
        return evolve(parts.target(), upload_id="another")

    await scheduler.upload(Upload(path, another, resume=state, on_state=states.append))
    assert {later.sha256 for later in states} == {hashlib.sha256(OURS).hexdigest()}
    assert ConfirmedPart(3, 50_000, '"3"') in states[-1].parts
