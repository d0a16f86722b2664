from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_from_files_to_a_result(run: Run, documents: list[Path], tmp_path: Path) -> None:
    done = run("submit_job.py", "--emulator", "--out", "result.json", *documents)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "job is completed" in done.stdout
    result = json.loads((tmp_path / "result.json").read_text())
    assert {item["fileName"] for item in result["documents"]} == {path.name for path in documents}
    assert result["usage"]["pageCount"] == sum(item["pageCount"] for item in result["documents"])


def test_a_missing_file_is_named(run: Run, documents: list[Path]) -> None:
    done = run("submit_job.py", "--emulator", "missing.pdf", documents[0])
    assert "missing.pdf" in done.stderr
    assert f"{documents[0].name}: completed" in done.stdout


def test_without_a_key_it_says_so(run: Run, documents: list[Path]) -> None:
    done = run("submit_job.py", documents[0])
    assert done.returncode == 1
    assert done.stderr.startswith("ConfigurationError: no API key")
