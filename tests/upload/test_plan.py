from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.errors import InvalidInputError
from plangrep_async.upload import Path, plan
from plangrep_async.upload.plan import MAX_SINGLE_REQUEST

MIB = 1 << 20
ALL = tuple(Path)


@pytest.mark.parametrize(
    ("size", "offered", "expected"),
    [
        (0, ALL, Path.FORM),
        (99_999_999, (Path.FORM, Path.PUT), Path.FORM),
        (100_000_000, (Path.FORM, Path.PUT), Path.PUT),
        (100_000_000, (Path.FORM, Path.PUT, Path.MULTIPART), Path.MULTIPART),
        (64 * MIB - 1, (Path.PUT, Path.MULTIPART), Path.PUT),
        (64 * MIB, (Path.PUT, Path.MULTIPART), Path.MULTIPART),
        (MAX_SINGLE_REQUEST, (Path.PUT,), Path.PUT),
        (MAX_SINGLE_REQUEST + 1, (Path.PUT, Path.FORM), Path.FORM),
        (10, (Path.POST_FORM,), Path.POST_FORM),
        (10, (Path.MULTIPART,), Path.MULTIPART),
    ],
)
def test_what_a_size_suggests(size, offered, expected):
    assert plan(size, offered).path is expected


@given(st.integers(0, 40 << 40), st.sets(st.sampled_from(ALL), min_size=1))
def test_a_plan_is_one_of_what_is_offered_and_possible(size, offered):
    try:
        chosen = plan(size, offered)
    except InvalidInputError:
        assert size > MAX_SINGLE_REQUEST
        assert not offered & {Path.MULTIPART, Path.FORM}
        return
    assert chosen.path in offered
    if chosen.path is Path.MULTIPART:
        assert chosen.part_size * chosen.parts >= size
        assert chosen.parts <= 10_000
    else:
        assert (chosen.parts, chosen.part_size) == (1, size)


@pytest.mark.parametrize(
    ("size", "part_size", "least"),
    [
        (60 << 30, 5 * MIB, 6_442_451),
        (60 << 30, 6_442_450, 6_442_451),
        (10 * MIB, 5 * MIB - 1, 5 * MIB),
        (10 * MIB, 0, 5 * MIB),
        (10 * MIB, (5 << 30) + 1, 5 * MIB),
    ],
)
def test_parts_that_s3_would_refuse_when_all_are_sent(size, part_size, least):
    with pytest.raises(InvalidInputError, match=rf"part_size={part_size}: a file of {size} bytes .* {least} to .*give"):
        plan(size, ALL, force=Path.MULTIPART, part_size=part_size)
    assert plan(size, ALL, force=Path.MULTIPART, part_size=least).parts <= 10_000


def test_a_way_can_be_forced():
    assert plan(10, ALL, force=Path.MULTIPART, part_size=5 * MIB).part_size == 5 * MIB
    with pytest.raises(InvalidInputError, match="not offered"):
        plan(10, (Path.PUT,), force=Path.FORM)
    with pytest.raises(InvalidInputError, match="one request"):
        plan(MAX_SINGLE_REQUEST + 1, ALL, force=Path.PUT)
    with pytest.raises(InvalidInputError, match="negative"):
        plan(-1, ALL)
