from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.errors import InvalidInputError
from plangrep_async.upload.parts import MAX_PART_SIZE, MAX_PARTS, MIN_PART_SIZE, choose_part_size, count_parts, part

MIB = 1 << 20


@given(st.integers(0, 10**7), st.integers(1, 10**6))
def test_parts_cover_the_file_without_gap_or_overlap(size, part_size):
    count = count_parts(size, part_size)
    if count > 2000:
        return
    parts = [part(number, size, part_size) for number in range(1, count + 1)]
    offset = 0
    for one in parts:
        assert one.offset == offset
        offset += one.size
    assert offset == size
    assert all(one.size == part_size for one in parts[:-1])
    assert parts[-1].size > 0 or size == 0


@given(st.integers(0, MAX_PARTS * MAX_PART_SIZE), st.integers(1, 64 * MIB), st.integers(1, 20_000))
def test_a_chosen_part_size_is_one_that_s3_takes(size, preferred, aim):
    chosen = choose_part_size(size, preferred=preferred, aim=aim)
    assert MIN_PART_SIZE <= chosen <= MAX_PART_SIZE
    assert count_parts(size, chosen) <= MAX_PARTS


def test_the_numbers_that_the_documentation_names():
    assert choose_part_size(1) == 16 * MIB
    assert choose_part_size(16_000 * MIB) == 16 * MIB
    assert choose_part_size(32_000 * MIB) == 32 * MIB
    assert count_parts(choose_part_size(5 << 40), 1) > 0
    with pytest.raises(InvalidInputError, match="does not fit"):
        choose_part_size(MAX_PARTS * MAX_PART_SIZE + 1)


@pytest.mark.parametrize("number", [0, 3, -1])
def test_a_part_that_is_not_there(number):
    with pytest.raises(ValueError, match="no part"):
        part(number, 10, 5)
