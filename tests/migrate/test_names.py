"""Names and texts from anywhere, as file systems and journals can keep them."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plangrep_async.migrate.document import Found
from plangrep_async.migrate.journal import Journal
from plangrep_async.migrate.names import ending, journal_key, journal_text, numbered, places, safe_name

anything = st.text(st.characters() | st.sampled_from("./\\ ~\0\ud800\U0001f600é"), max_size=400)


@given(anything)
@example("1. " + "x" * 240)
@example("a." + "é" * 300)
@example(" . ")
@example("\ud800")
@example("..")
def test_every_name_becomes_one_that_can_be(name: str) -> None:
    safe = safe_name(name)
    for text in (safe, numbered(safe, "~123456"), numbered(safe, "~7", 60)):
        assert 0 < len(text.encode()) <= 230
        assert not set(text) & set('/\\\0:*?"<>|')
        assert text not in (".", "..")
        assert text == text.rstrip(" .")
    assert safe_name(safe) == safe
    assert "~123456" in numbered(safe, "~123456")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("A-101.pdf", "A-101.pdf"),
        ("a .pdf", "a .pdf"),
        ("a/b:c.pdf", "a-b-c.pdf"),
        ("x" * 300 + ".pdf", "x" * 226 + ".pdf"),
        ("1. " + "x" * 240, "1. " + "x" * 227),
        ("...", "unnamed"),
        (".profile", ".profile"),
        ("plan.", "plan"),
    ],
)
def test_a_name_keeps_what_it_can(name: str, expected: str) -> None:
    assert safe_name(name) == expected


def test_an_ending_is_short() -> None:
    assert [ending(name) for name in ("a.pdf", ".pdf", "a", "a.", "1. " + "x" * 30, "a.b.c")] == [
        *(".pdf", "", "", "", "", ".c")
    ]


@given(anything, anything, st.integers(1, 10**9))
def test_places_are_different_and_can_all_be_kept(folder: str, name: str, number: int) -> None:
    found = list(places(folder, name, number))
    assert len(set(found)) == len(found) >= 1
    assert all(not place.startswith("/") and ".." not in place.split("/") for place in found)
    assert all(len(place.encode()) <= 2_000 for place in found)
    assert f"~{number}" in found[-1]
    assert "/" not in found[-1]


def test_places_of_a_document() -> None:
    assert list(places("Floor 1/../B", "A.pdf", 7)) == ["Floor 1/B/A.pdf", "Floor 1/B/A~7.pdf", "A~7.pdf"]
    assert list(places("x/" * 3_000, "A.pdf", 7)) == ["A~7.pdf"]


@given(anything, anything)
def test_texts_can_be_written_and_keys_stay_apart(one: str, other: str) -> None:
    for text in (journal_text(one), journal_key(one)):
        assert "\0" not in text.encode().decode()
    assert len(journal_key(one * 20).encode()) <= 2_000
    assert (journal_key(one) == journal_key(other)) == (one == other)


def test_good_text_stays_as_it_is() -> None:
    assert journal_text("Größe 😀") == journal_key("Größe 😀") == "Größe 😀"
    assert journal_text("\ud83d\ude00 \ud83d a\0b") == "😀 \ufffd a\ufffdb"


async def test_a_journal_takes_whatever_a_service_tells(journal: Journal) -> None:
    letters = random.Random(1)
    long = "p/" + "".join(letters.choices(string.ascii_letters + string.digits, k=4_000))
    odd = {"name": "a\0\ud800.pdf", "title": "\udfff", "folder": "a\0b", "classification": "\0", "path": "/\ud800"}
    found = [
        Found(key="k\0", **odd, source={"record": {"name": "\ud800"}}, attributes={"by": "\ud800"}),
        Found(key="k\ud800", name="b"),
        Found(key=long + "1", name="c"),
        Found(key=long + "2", name="d"),
    ]
    assert await journal.discover(found) == 4
    assert await journal.discover(found) == 0
    first, *_ = [document async for document in journal.documents()]
    assert (first.name, first.title, first.folder) == ("a\ufffd\ufffd.pdf", "\ufffd", "a\ufffdb")
    assert first.source == {"record": {"name": "\ud800"}}
