"""Whole files over a scripted transport: what is one, and what is done where one breaks off."""

from __future__ import annotations

import asyncio
import gzip
import os
import zlib
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import httpx
import pytest

from plangrep_async import errors
from plangrep_async.config import RetryPolicy
from plangrep_async.session import Call, CallOptions, Session, StreamedAnswer
from plangrep_async.session.deadline import countdown
from plangrep_async.session.fetch import fetch
from plangrep_async.testing import ManualClock

Step = httpx.Response | Callable[[httpx.Request], httpx.Response]
GET = Call("GET", "/things/1", lambda answer: answer.content)
DATA = os.urandom(100_000) + bytes(5_000_000) + b"end"
PACKED = gzip.compress(DATA[:60_000]) + gzip.compress(DATA[60_000:])


class Script(httpx.AsyncBaseTransport):
    """Plays its steps, one a request, and the last one for ever; keeps the requests and when they came."""

    def __init__(self, clock: ManualClock, *steps: Step) -> None:
        self.clock = clock
        self.steps = list(steps)
        self.requests: list[httpx.Request] = []
        self.times: list[float] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.times.append(self.clock.monotonic())
        step = self.steps[min(len(self.requests), len(self.steps)) - 1]
        return step(request) if callable(step) else httpx.Response(step.status_code, content=step.content)


def make(*steps: Step, **settings: Any) -> tuple[Session, Script, ManualClock]:
    clock = ManualClock()
    script = Script(clock, *steps)
    session = Session(base_url="https://api.test", transport=script, clock=clock, random=lambda: 0.5, **settings)
    return session, script, clock


async def finish(clock: ManualClock, awaitable: Any) -> Any:
    """Run to the end while the clock jumps from timer to timer."""
    task = asyncio.ensure_future(awaitable)
    await clock.run_until_idle(10_000.0)
    return await task


def chunks(
    parts: Iterable[bytes], end: Exception | None = None, *, status: int = 200, **headers: str
) -> Callable[[httpx.Request], httpx.Response]:
    """An answer with a body in pieces; after the last one it fails, where told to."""

    class Stream(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            for part in parts:
                yield part
            if end is not None:
                raise end

    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: httpx.Response(status, headers=names, stream=Stream())


def pieces(data: bytes, size: int = 10_000) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


CUT = chunks([b"abc"], httpx.ReadError("cut"), Content_Length="6")
WHOLE = chunks([b"abc", b"def"], Content_Length="6")
BUSY = httpx.Response(503)


async def read(session: Session) -> bytes:
    async with session.stream(GET) as answer:
        return b"".join([chunk async for chunk in answer.aiter_bytes()])


async def test_it_gives_the_body_as_it_comes() -> None:
    session, script, clock = make(BUSY, WHOLE, headers={"accept-encoding": "br"})

    async def read() -> list[bytes]:
        async with session.stream(GET) as answer:
            assert (answer.status, answer.content_length, answer.attempts) == (200, 6, 2)
            return [chunk async for chunk in answer.aiter_bytes()]

    assert await finish(clock, read()) == [b"abc", b"def"]
    assert script.requests[1].headers.get_list("accept-encoding") == ["identity"]


async def test_one_that_breaks_is_a_connection_error_and_is_not_repeated() -> None:
    session, script, _ = make(CUT)
    with pytest.raises(errors.APIConnectionError, match="cut"):
        await read(session)
    assert len(script.requests) == 1


async def test_one_with_an_error_status_raises_it() -> None:
    session, _, _ = make(httpx.Response(404, json={"message": "gone fishing"}))
    with pytest.raises(errors.NotFoundError, match="gone fishing"):
        async with session.stream(GET):
            pytest.fail("there is nothing to read")


@pytest.mark.parametrize("status", [201, 202, 203, 204, 206, 207])
async def test_what_is_no_whole_file(status: int) -> None:
    session, script, _ = make(chunks([b"abc"], status=status, Content_Range="bytes 0-2/100"))
    with pytest.raises(errors.DecodeError, match=f"{status}, which is not a whole file") as caught:
        await read(session)
    assert caught.value.status == status
    assert len(script.requests) == 1


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, br", "gzip, gzip", "x-own"])
async def test_an_encoding_that_is_not_known(encoding: str) -> None:
    session, _, _ = make(chunks([b"abc"], Content_Encoding=encoding))
    with pytest.raises(errors.DecodeError, match="not asked for"):
        await read(session)


@pytest.mark.parametrize("encoding", ["identity", "aws-chunked", "aws-chunked,", ""])
async def test_an_encoding_that_is_none(encoding: str) -> None:
    session, _, _ = make(chunks([b"abc", b"def"], Content_Encoding=encoding, Content_Length="6"))
    assert await read(session) == b"abcdef"


@pytest.mark.parametrize("size", [1_000, 10_000_000])
@pytest.mark.parametrize("encoding", ["gzip", "x-GZip", "gzip,aws-chunked"])
async def test_what_is_stored_packed_is_unpacked_in_blocks(encoding: str, size: int) -> None:
    session, _, _ = make(chunks(pieces(PACKED, size), Content_Encoding=encoding, Content_Length=str(len(PACKED))))
    async with session.stream(GET) as answer:
        assert answer.content_length is None, "that of the file is not known"
        blocks = [block async for block in answer.aiter_bytes()]
    assert b"".join(blocks) == DATA
    assert max(map(len, blocks)) <= 1 << 20


@pytest.mark.parametrize("length", [1 << 20, 3 << 20, (1 << 20) + 1, 1, 0])
async def test_blocks_that_end_where_the_file_does(length: int) -> None:
    session, _, _ = make(chunks(pieces(gzip.compress(bytes(length)), 7), Content_Encoding="gzip"))
    assert await read(session) == bytes(length)


async def test_a_body_that_was_read_before_is_no_obstacle() -> None:
    session, _, _ = make(lambda _: httpx.Response(200, content=PACKED, headers={"Content-Encoding": "gzip"}))
    assert await read(session) == DATA


@pytest.mark.parametrize("share", [0.0, 1e-4, 0.5, 0.99999])
async def test_packed_and_cut_though_the_length_is_right(share: float) -> None:
    kept = int(len(PACKED) * share)
    session, _, _ = make(chunks(pieces(PACKED[:kept]), Content_Encoding="gzip", Content_Length=str(kept)))
    with pytest.raises(errors.DecodeError, match="ends too early"):
        await read(session)


@pytest.mark.parametrize("data", [b"%PDF-1.7", PACKED + b"more", PACKED[:-8] + b"12345678"])
async def test_packed_and_broken(data: bytes) -> None:
    session, _, _ = make(chunks([data], Content_Encoding="gzip"))
    with pytest.raises(errors.DecodeError, match="packed and broken") as caught:
        await read(session)
    assert isinstance(caught.value.__cause__, zlib.error)


@pytest.mark.parametrize("headers", [{}, {"Content_Encoding": "gzip"}])
async def test_fewer_bytes_than_were_promised(headers: dict[str, Any]) -> None:
    session, _, _ = make(chunks([PACKED[:9]], Content_Length="10", **headers))
    with pytest.raises(errors.APIConnectionError, match="9 of 10 bytes"):
        await read(session)


# Begun anew where it breaks off


async def store(answer: StreamedAnswer) -> bytes:
    return b"".join([chunk async for chunk in answer.aiter_bytes()])


def fetching(session: Session, call: Call[Any] = GET, **options: Any) -> Any:
    left = countdown(session.clock, options.pop("deadline", None))
    return fetch(session, call, lambda: CallOptions(deadline=left(), **options), store)


async def test_it_is_begun_anew() -> None:
    session, script, clock = make(CUT, CUT, WHOLE)
    assert await finish(clock, fetching(session)) == b"abcdef"
    assert [time - script.times[0] for time in script.times] == [0.0, 0.25, 0.75]


async def test_as_often_as_the_policy_allows_and_the_error_says_so() -> None:
    session, script, clock = make(BUSY, CUT, CUT, retry=RetryPolicy(max_attempts=3))
    with pytest.raises(errors.APIConnectionError, match="because all 3 attempts were used") as caught:
        await finish(clock, fetching(session))
    assert len(script.requests) == caught.value.attempts == 4, "one that got no answer, three that broke off"


@pytest.mark.parametrize("most", [1, 2, 3, 4])
async def test_a_number_of_attempts_of_its_own_is_of_all_requests(most: int) -> None:
    session, script, clock = make(CUT, BUSY, CUT)
    with pytest.raises((errors.APIConnectionError, errors.ServerError)):
        await finish(clock, fetching(session, max_attempts=most))
    assert len(script.requests) == most


async def test_nor_are_those_of_the_session_exceeded() -> None:
    session, script, clock = make(CUT, options=CallOptions(max_attempts=2))
    with pytest.raises(errors.APIConnectionError):
        await finish(clock, fetching(session))
    assert len(script.requests) == 2


async def test_what_must_not_be_repeated_is_not() -> None:
    session, script, _ = make(CUT)
    with pytest.raises(errors.APIConnectionError):
        await fetching(session, GET.replace(repeatable=False), max_attempts=5)
    assert len(script.requests) == 1


async def test_what_got_no_answer_is_not_begun_anew() -> None:
    session, script, clock = make(lambda _: (_ for _ in ()).throw(httpx.ConnectError("refused")))
    with pytest.raises(errors.APIConnectionError):
        await finish(clock, fetching(session))
    assert len(script.requests) == 5


def slow(clock: ManualClock, seconds: float) -> Step:
    """Breaks off after so long."""

    class Stream(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"abc"
            await clock.sleep(seconds)
            raise httpx.ReadError("cut")

    return lambda _: httpx.Response(200, stream=Stream())


async def test_one_deadline_for_all_attempts_and_pauses() -> None:
    session, script, clock = make(CUT)
    script.steps = [slow(clock, 0.9)]
    begun = clock.monotonic()
    with pytest.raises(errors.DeadlineExceededError):
        await finish(clock, fetching(session, deadline=2.0))
    assert clock.monotonic() - begun == pytest.approx(2.0)
    assert len(script.requests) == 2


async def test_a_pause_that_the_deadline_leaves_no_time_for_is_not_made() -> None:
    session, script, clock = make(CUT)
    begun = clock.monotonic()
    with pytest.raises(errors.DeadlineExceededError, match=r"broke off, and it would be sent again in 0\.2") as caught:
        await fetching(session, deadline=0.2)
    assert clock.monotonic() == begun
    assert isinstance(caught.value.__cause__, errors.APIConnectionError)
    assert len(script.requests) == 1


async def test_a_deadline_that_has_passed_sends_nothing() -> None:
    session, script, _ = make(WHOLE)
    with pytest.raises(errors.DeadlineExceededError):
        await fetching(session, deadline=0.0)
    assert not script.requests


async def test_closing_ends_the_pause() -> None:
    session, _, clock = make(CUT)
    task = asyncio.ensure_future(fetching(session))
    await clock.advance(0.1)
    await session.aclose()
    with pytest.raises(errors.ClientClosedError):
        await task
