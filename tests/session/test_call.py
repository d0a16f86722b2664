from __future__ import annotations

import pickle
from datetime import UTC, datetime
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.config import Timeouts
from plangrep_async.session import NOT_GIVEN, Answer, Call, CallOptions, path_of, query_of
from plangrep_async.session.call import options_from


def nothing(answer: Answer) -> None:
    return None


@given(st.lists(st.text(min_size=1).filter(lambda s: s not in (".", "..") and s.isprintable()), min_size=1, max_size=4))
def test_any_id_stays_inside_its_segment(segments: list[str]) -> None:
    path = path_of(*segments)
    assert [unquote(part) for part in path[1:].split("/")] == segments
    assert not {"?", "#", "\\"} & set(path)


@pytest.mark.parametrize("segment", ["", ".", ".."])
def test_segments_that_would_name_another_resource(segment: str) -> None:
    with pytest.raises(ValueError, match="path"):
        path_of("projects", segment)


def test_queries_leave_out_what_was_not_given_and_send_empty_strings() -> None:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    pairs = query_of(limit=5, skip=None, folder="", compact=True, cursor=NOT_GIVEN, updated_after=moment)
    assert pairs == (
        ("limit", "5"),
        ("folder", ""),
        ("compact", "true"),
        ("updated_after", "2026-01-02T00:00:00+00:00"),
    )
    call = Call("GET", "/x", nothing, query=pairs)
    assert call.target == "/x?limit=5&folder=&compact=true&updated_after=2026-01-02T00%3A00%3A00%2B00%3A00"
    assert Call("GET", "/x?a=1", nothing, query=(("b", "2"),)).target == "/x?a=1&b=2"


@pytest.mark.parametrize(
    ("method", "key", "override", "may"),
    [
        ("GET", None, None, True),
        ("HEAD", None, None, True),
        ("PUT", None, None, True),
        ("DELETE", None, None, True),
        ("POST", None, None, False),
        ("PATCH", None, None, False),
        ("POST", "key", None, True),
        ("POST", None, True, True),
        ("GET", None, False, False),
    ],
)
def test_what_may_be_repeated(method: str, key: str | None, override: bool | None, may: bool) -> None:
    assert Call(method, "/", nothing, idempotency_key=key, repeatable=override).may_repeat is may


def test_which_limits_count_it() -> None:
    assert Call("GET", "/", nothing).limit_kinds == {"all"}
    assert Call("DELETE", "/", nothing).limit_kinds == {"all", "write"}
    assert Call("POST", "/", nothing, kinds=frozenset()).limit_kinds == frozenset()


def test_bodies() -> None:
    assert Call("POST", "/", nothing).content() is None
    assert Call("POST", "/", nothing, json=None).content() == b"null"
    assert Call("POST", "/", nothing, json={"ü": [1, 2]}).content() == '{"ü":[1,2]}'.encode()
    made = iter([b"one", b"two"])
    call = Call("POST", "/", nothing, body=lambda: next(made))
    assert (call.content(), call.content()) == (b"one", b"two")
    with pytest.raises(ValueError):
        Call("POST", "/", nothing, json=float("nan")).content()


def test_options_fill_in_what_is_open() -> None:
    merged = CallOptions(deadline=5.0).over(CallOptions(deadline=9.0, max_attempts=2, coalesce=False))
    assert merged == CallOptions(deadline=5.0, max_attempts=2, coalesce=False)
    assert Timeouts.of(3.0) == Timeouts(3.0, 3.0, 3.0)


def test_an_option_that_there_is_not_is_named_with_those_there_are() -> None:
    assert options_from({"deadline": 3.0}) == CallOptions(deadline=3.0)
    with pytest.raises(TypeError, match=r"'coalesce' is no argument .* it takes timeout, deadline, max_attempts$"):
        options_from({"deadline": 3.0, "coalesce": True})  # type: ignore[typeddict-unknown-key]


def test_not_given_is_one_value() -> None:
    assert not NOT_GIVEN
    assert pickle.loads(pickle.dumps(NOT_GIVEN)) is NOT_GIVEN
    assert repr(NOT_GIVEN) == "NOT_GIVEN"
