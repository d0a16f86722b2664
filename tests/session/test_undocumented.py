"""What an error tells of an answer that is not as documented."""

from __future__ import annotations

import json

import pytest

from plangrep_async.errors import DecodeError
from plangrep_async.session import Answer, Call, Session
from plangrep_async.session.undocumented import Undocumented


def call_that_fails(error: Exception) -> Call[None]:
    def decode(_: Answer) -> None:
        raise error

    return Call("GET", "/things/1", decode)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Undocumented("Job lacks status"), "Job lacks status"),
        (
            json.JSONDecodeError("Expecting value", "SECRET", 0),
            "it is no JSON (Expecting value: line 1 column 1 (char 0))",
        ),
        (ValueError("invalid literal: 'SECRET'"), "ValueError"),
        (KeyError("SECRET"), "KeyError"),
    ],
)
def test_the_reason_is_told_where_it_is_known_to_hold_no_value(error: Exception, words: str) -> None:
    session = Session(base_url="https://api.example.com")
    with pytest.raises(DecodeError) as caught:
        session.interpret(call_that_fails(error), Answer(200, content=b"SECRET"))
    assert f"is not as documented: {words}. Its body is in the error's `body`" in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__cause__ is error
