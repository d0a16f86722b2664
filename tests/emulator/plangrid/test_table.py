from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve, frozen
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.emulator.plangrid.table import Table
from plangrep_async.emulator.plangrid.uid import UidSpace

SPACE = UidSpace(1, "thing")


@frozen
class Thing:
    uid: str
    updated_at: float
    facet: str


def seeded(index: int) -> Thing:
    return Thing(SPACE.uid(index), float(index * 10), "even" if index % 2 == 0 else "odd")


def table(count: int, *, newest_first: bool = False) -> Table[Thing]:
    return Table(SPACE, count, seeded, lambda i: (i * 10.0, seeded(i).facet), newest_first=newest_first)


STEP = st.one_of(
    st.tuples(st.just("add"), st.floats(0, 300), st.sampled_from(["even", "odd", "new"])),
    st.tuples(st.just("put"), st.floats(0, 300), st.sampled_from(["even", "odd", "new"])),
)


@given(
    count=st.integers(0, 30),
    newest_first=st.booleans(),
    steps=st.lists(st.tuples(STEP, st.integers(0, 40)), max_size=12),
    skip=st.integers(0, 50),
    limit=st.integers(1, 50),
    after=st.none() | st.floats(-1, 310),
    facets=st.none() | st.sets(st.sampled_from(["even", "odd", "new"])),
)
def test_pages_are_those_of_a_plain_list(
    count: int, newest_first: bool, steps: list[Any], skip: int, limit: int, after: float | None, facets: Any
) -> None:
    subject = table(count, newest_first=newest_first)
    model = [seeded(index) for index in range(count)]
    for number, ((action, moment, facet), position) in enumerate(steps):
        if action == "add":
            thing = Thing(f"created-{number}", moment, facet)
            subject.add(thing)
            model.insert(0 if newest_first else len(model), thing)
        elif model:
            position %= len(model)
            model[position] = subject.put(evolve(model[position], updated_at=moment, facet=facet))
        subject.page(0, 5, updated_after=after, facets=facets)  # a selection that later steps must not leave stale
    wanted = [
        thing
        for thing in model
        if (after is None or thing.updated_at > after) and (facets is None or thing.facet in facets)
    ]
    assert subject.page(skip, limit, updated_after=after, facets=facets) == (wanted[skip : skip + limit], len(wanted))
    assert list(subject) == model
    assert all(subject.get(thing.uid) == thing for thing in model)


def test_a_selection_can_be_held_to_some_records() -> None:
    subject = table(20)
    page, total = subject.page(0, 50, among=range(3, 20, 5), updated_after=50)
    assert [thing.uid for thing in page] == [SPACE.uid(8), SPACE.uid(13), SPACE.uid(18)]
    assert total == 3


def test_a_uid_is_taken_once() -> None:
    subject = table(2)
    subject.add(Thing("Fresh", 0, "new"))
    with pytest.raises(KeyError):
        subject.add(Thing("fresh", 0, "new"))
    with pytest.raises(KeyError):
        subject.add(seeded(1))
    with pytest.raises(KeyError):
        subject.put(Thing("other", 0, "new"))
    assert subject.get(SPACE.uid(2)) is None


def test_nothing_is_stored_for_records_that_nobody_changed() -> None:
    made: list[int] = []

    def make(index: int) -> Thing:
        made.append(index)
        return seeded(index)

    subject = Table(SPACE, 10**9, make, lambda index: (0.0, ""))
    page, total = subject.page(500_000_000, 2)
    assert (len(page), total, made) == (2, 10**9, [500_000_000, 500_000_001])
