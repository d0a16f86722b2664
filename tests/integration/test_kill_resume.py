"""The small form of ``benchmarks/kill_resume.py``."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration


def test_an_upload_survives_kill_9(seaweedfs, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    kill_resume = importlib.import_module("benchmarks.kill_resume")
    report = kill_resume.run(seaweedfs, tmp_path, size=48_000_000, kills=3, part_size=5 << 20, bandwidth=40e6, seed=7)
    assert report.identical
    assert report.kills == 3
    assert report.bytes_sent_again <= report.allowed_again
    assert report.good
