from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.errors import InvalidInputError
from plangrep_async.upload import ConfirmedPart, Fingerprint, UploadState

fingerprints = st.builds(Fingerprint, st.text(), st.integers(0), st.integers(0), st.integers(0))
parts = st.lists(st.builds(ConfirmedPart, st.integers(1, 10_000), st.integers(0), st.text())).map(tuple)
memos = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner)
)
states = st.builds(
    UploadState,
    file_name=st.text(),
    fingerprint=fingerprints,
    kind=st.sampled_from(["put", "multipart", "form", "post_form"]),
    upload_id=st.none() | st.text(min_size=1),
    part_size=st.none() | st.integers(1),
    parts=parts,
    stored=st.booleans(),
    sha256=st.none() | st.text(),
    mixed=st.booleans(),
    memo=memos,
)


@given(states)
def test_json_and_back(state):
    assert UploadState.from_json(json.loads(json.dumps(state.to_json()))) == state


def test_a_state_of_an_earlier_release():
    value = UploadState(file_name="a", fingerprint=Fingerprint("/a", 1), kind="put").to_json()
    del value["mixed"]
    assert not UploadState.from_json(value).mixed


def test_what_is_no_state():
    good = UploadState(file_name="a", fingerprint=Fingerprint("/a", 1), kind="put").to_json()
    with pytest.raises(InvalidInputError, match="version"):
        UploadState.from_json({**good, "version": 99})
    for broken in ({}, {**good, "parts": [[1]]}, {**good, "fingerprint": None}, {**good, "parts": [["x", 1, ""]]}):
        with pytest.raises(InvalidInputError, match="start the upload anew"):
            UploadState.from_json(broken)


def test_confirmed_bytes():
    state = UploadState(
        file_name="a",
        fingerprint=Fingerprint("/a", 100),
        kind="multipart",
        parts=(ConfirmedPart(1, 40), ConfirmedPart(2, 30)),
    )
    assert state.confirmed == 70
    assert UploadState(file_name="a", fingerprint=Fingerprint("/a", 100), kind="put", stored=True).confirmed == 100


def test_a_thousand_parts_stay_small():
    many = tuple(ConfirmedPart(number, 16 << 20, f'"{"0" * 32}"') for number in range(1, 1001))
    state = UploadState(file_name="a", fingerprint=Fingerprint("/a", 1), kind="multipart", parts=many)
    assert len(json.dumps(state.to_json())) < 64_000
