from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_a_folder_in_several_jobs(run: Run, documents: list[Path], tmp_path: Path) -> None:
    names = []
    for index, folder in enumerate(("architecture", "structure", "specifications")):
        for number in range(2):
            path = tmp_path / "set" / folder / f"{folder} {number}.pdf"
            path.parent.mkdir(parents=True, exist_ok=True)
            # A comment at the end of a PDF harms nobody, and tells the copies apart.
            path.write_bytes(documents[index % 2].read_bytes() + f"%{folder}{number}\n".encode())
            names.append(path.name)
    done = run("many_jobs.py", "--emulator", "set", "--files", "2", "--jobs", "2", "--out", "results")
    assert done.returncode == 0, done.stderr
    assert "3 of 3 jobs, 6 documents" in done.stdout
    results = [json.loads(path.read_text()) for path in sorted((tmp_path / "results").iterdir())]
    assert sorted(item["fileName"] for result in results for item in result["documents"]) == sorted(names)
