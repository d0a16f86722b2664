from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "plangrid_report.py"


def test_the_report_of_a_project_of_3000_issues() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLE), "--emulator"],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "3,000 issues" in done.stdout
    assert "Most to do:" in done.stdout
    assert done.stderr == ""
