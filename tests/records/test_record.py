"""What all records of both services have in common."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plangrep_async import plangrep, plangrid
from plangrep_async._records import Record
from plangrep_async.plangrep._codec import camel_case
from plangrep_async.session import Secret
from plangrep_async.session.undocumented import Undocumented, words_of
from plangrep_async.upload import UploadFile

_PLAIN: dict[Any, Any] = {
    str: "text",
    int: 1,
    float: 1.5,
    bool: True,
    Decimal: Decimal("1.5"),
    datetime: datetime(2026, 1, 1, tzinfo=UTC),
    date: date(2026, 1, 1),
    Secret: Secret("secret"),
    Exception: ValueError("text"),
    UploadFile: UploadFile(b"x", name="a.pdf"),
}


def _kinds(base: type[Record]) -> list[type[Record]]:
    return [each for kind in base.__subclasses__() for each in (kind, *_kinds(kind))]


def _value(kind: Any) -> Any:
    """A value of the kind; an object wherever one may be."""
    origin, arguments = get_origin(kind) or kind, get_args(kind)
    if origin is Union or origin is UnionType:
        return _value(arguments[0])
    if origin is Any or origin is Mapping:
        return {"an": ["object", {}]}
    if origin is tuple:
        return (_value(arguments[0]),)
    if isinstance(origin, TypeVar):
        return "item"
    if isinstance(origin, type) and issubclass(origin, Enum):
        return next(iter(origin))
    if isinstance(origin, type) and attrs.has(origin) and origin not in _PLAIN:
        return _whole(origin)
    return _PLAIN[origin]


def _whole(kind: Any) -> Any:
    attrs.resolve_types(kind)
    return kind(**{each.alias: _value(each.type) for each in attrs.fields(kind)})


@pytest.mark.parametrize("kind", _kinds(Record), ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_every_record_can_be_hashed_whatever_json_is_in_it(kind: type[Record]) -> None:
    one, other = _whole(kind), _whole(kind)
    assert one == other
    assert len({one, other}) == 1


def test_both_services_are_looked_at() -> None:
    kinds = set(_kinds(Record))
    assert {plangrep.JobCreated, plangrep.SubmitResult, plangrid.RfiChange, plangrid.Project} <= kinds


MARK = "SECRET"
MARKED = st.recursive(
    st.sampled_from([None, True, 1, 1.5, MARK, f"2026-13-01T{MARK}", f"1{MARK}", f"{MARK}\ud800"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "uid"]), inner, max_size=2),
    max_leaves=4,
)


@pytest.mark.parametrize("kind", sorted(set(_kinds(Record)) - {plangrep.Page}, key=str), ids=lambda kind: kind.__name__)
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_what_does_not_fit_is_told_without_values(kind: type[Record], data: st.DataObject) -> None:
    names = [name for each in attrs.fields(kind) for name in (each.name, camel_case(each.name))]
    answer: Any = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(names, MARKED)) | MARKED)
    try:
        kind.from_dict(answer)
    except Undocumented as error:
        told = words_of(error)
    else:
        return
    assert told != Undocumented.__name__
    assert MARK not in told
