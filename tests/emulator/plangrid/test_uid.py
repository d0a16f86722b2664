from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.emulator.plangrid.uid import UidSpace, mix

INDEX = st.integers(0, 2**64 - 1)


@given(index=INDEX, seed=st.integers(0, 1000), form=st.sampled_from(["uuid", "object id"]))
def test_a_uid_leads_back_to_its_number_in_either_case(index: int, seed: int, form: str) -> None:
    space = UidSpace(seed, "issue", form)
    uid = space.uid(index)
    assert space.index(uid) == space.index(uid.upper()) == index


@given(INDEX, INDEX)
def test_mixing_loses_nothing(a: int, b: int) -> None:
    assert (mix(a) == mix(b)) == (a == b)


def test_uids_have_the_documented_form_and_repeat() -> None:
    uid = UidSpace(7, "issue").uid(3)
    assert [len(part) for part in uid.split("-")] == [8, 4, 4, 4, 12]
    assert UidSpace(7, "issue").uid(3) == uid
    assert UidSpace(8, "issue").uid(3) != uid
    assert UidSpace(7, "rfi").uid(3) != uid


def test_both_forms_of_a_uid_are_understood() -> None:
    assert UidSpace(7, "people", "object id").index(UidSpace(7, "people").uid(5)) == 5
    assert UidSpace(7, "people").index(UidSpace(7, "people", "object id").uid(5)) == 5


@given(st.text(max_size=40))
def test_other_texts_are_not_taken_for_uids(text: str) -> None:
    assert UidSpace(7, "issue").index(text) is None


def test_uids_of_other_spaces_are_not_taken_for_its_own() -> None:
    assert UidSpace(7, "issue").index(UidSpace(7, "rfi").uid(0)) is None
