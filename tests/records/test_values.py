from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from plangrep_async._records import values


@pytest.mark.parametrize(
    ("read", "value", "result"),
    [
        (values.string, 12, "12"),
        (values.string, Decimal("1.50"), "1.50"),
        (values.integer, 12.0, 12),
        (values.integer, Decimal("1e2"), 100),
        (values.integer, "12", 12),
        (values.decimal, "25850.10", Decimal("25850.10")),
        (values.number, 3, 3),
    ],
)
def test_what_is_meant_is_read(read: Callable[[Any], Any], value: Any, result: Any) -> None:
    assert read(value) == result


@pytest.mark.parametrize(
    ("read", "odd"),
    [
        (values.string, [True, None, 1.5, ["hush"], {"hush": 1}]),
        (values.integer, [True, 1.5, "1.5", "hush", Decimal("1e5000"), float("inf"), float("nan"), []]),
        (values.number, [False, "hush", None]),
        (values.decimal, [True, 0.1, "NaN", "Infinity", "hush", Decimal("1e100")]),
        (values.boolean, [0, 1, "true", None, []]),
        (values.array, ["hush", {"hush": 1}, None]),
        (values.moment, ["hush", 0, True, None]),
    ],
)
def test_nothing_is_guessed_and_no_value_is_repeated(read: Callable[[Any], Any], odd: list[Any]) -> None:
    for value in odd:
        with pytest.raises(ValueError) as caught:
            read(value)
        assert "hush" not in str(caught.value)
