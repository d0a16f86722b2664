"""Groups within the limits, whatever comes; fetching at a pace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.migrate import Document, State
from plangrep_async.migrate.feed import Ready
from plangrep_async.migrate.pace import Pace
from plangrep_async.migrate.packing import Pile, pack
from plangrep_async.testing import ManualClock

documents = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 12_000), st.integers(0, 25)), max_size=120)


async def packed(rows: list[tuple[int, int, int]], most_bytes: int | None, *, distinct: bool) -> list[Pile]:
    async def files() -> AsyncGenerator[Ready, None]:
        for number, (name, size, version) in enumerate(rows):
            yield Ready(
                Document(
                    id=number,
                    key=str(number),
                    name=f"{name}.pdf",
                    size=size,
                    state=State.DISCOVERED,
                    folder=f"version {version}",
                ),
                f"/data/{number}",
            )

    made = pack(files(), lambda ready: ready.document.folder, most_files=10, most_bytes=most_bytes, distinct=distinct)
    return [pile async for pile in made]


@given(documents, st.sampled_from([None, 10_000]), st.booleans())
def test_every_file_is_in_one_group_and_no_group_is_too_large(
    rows: list[tuple[int, int, int]], most_bytes: int | None, distinct: bool
) -> None:
    piles = asyncio.run(packed(rows, most_bytes, distinct=distinct))
    assert sorted(ready.document.id for pile in piles for ready in pile.items) == list(range(len(rows)))
    for pile in piles:
        assert 1 <= len(pile.items) <= 10
        assert len({ready.document.folder for ready in pile.items}) == 1
        assert pile.size == sum(ready.document.size for ready in pile.items)
        if most_bytes is not None:
            assert pile.size <= most_bytes or len(pile.items) == 1
        if distinct:
            assert len({ready.document.name for ready in pile.items}) == len(pile.items)


async def test_what_was_fetched_has_its_time_before_the_next_begins() -> None:
    clock = ManualClock()
    waits: list[float] = []

    async def pause(seconds: float) -> None:
        waits.append(seconds)
        clock.tick(seconds)

    pace = Pace(1_000, clock, pause)
    began = clock.monotonic()
    for _ in range(5):
        await pace.turn()
        pace.took(2_000)
    assert waits == [2.0] * 4
    assert clock.monotonic() - began == 8.0
    clock.tick(100)  # idle time is not saved up
    await pace.turn()
    pace.took(1_000)
    await pace.turn()
    assert waits[4:] == [1.0]


async def test_without_a_limit_nobody_waits() -> None:
    async def pause(seconds: float) -> None:
        raise AssertionError(seconds)

    pace = Pace(None, ManualClock(), pause)
    for _ in range(3):
        await pace.turn()
        pace.took(10**12)
