"""What the command line names, before anything is done with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from plangrep_async.cli.migrate_build import choices_of
from plangrep_async.errors import ConfigurationError


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("plangred:abc", "plangred is no service; did you mean plangrid:abc?"),
        ("plangrap:proj_1", "plangrap is no service; did you mean plangrep:proj_1?"),
        ("PlanGrid:abc", "PlanGrid is no service; did you mean plangrid:abc?"),
        ("s3://bucket", "s3 is no service; there are plangrep:ID and plangrid:UID."),
    ],
)
def test_a_service_that_there_is_not_is_no_folder(
    location: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for choices in ({"source": "drawings", "target": location}, {"source": location, "target": "export"}):
        with pytest.raises(ConfigurationError) as refused:
            choices_of(choices)
        assert str(refused.value) == f"{location}: {words} For a file or folder of that name: ./{location}"
    found = choices_of({"source": "drawings", "target": f"./{location}"})
    assert found["target"] == str(tmp_path / location)


def test_what_is_there_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan:2024").mkdir()
    found = choices_of({"source": "plan:2024", "target": "plangrid:abc"})
    assert (found["source"], found["target"]) == (str(tmp_path / "plan:2024"), "plangrid:abc")
    found = choices_of({"source": "C:drawings", "target": "plangrep"})
    assert (found["source"], found["target"]) == (str(tmp_path / "C:drawings"), str(tmp_path / "plangrep"))
