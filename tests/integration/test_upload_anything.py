"""The example, run as its users run it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from plangrep_async.upload import S3Bucket, UploadScheduler

pytestmark = pytest.mark.integration

EXAMPLE = Path(__file__).parents[2] / "examples" / "upload_anything.py"
MIB = 1 << 20


def run(*arguments):
    return subprocess.run(
        [sys.executable, str(EXAMPLE), *map(str, arguments)], capture_output=True, text=True, timeout=30, check=False
    )


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "any.bin"
    path.write_bytes(os.urandom(12 * MIB))
    return path


def test_one_put(seaweedfs, path):
    headers = {"Content-Type": "application/pdf"}
    url = seaweedfs.signer().presign("PUT", "anything/put", now=time.time(), headers=headers)
    result = run(path, url, "-H", "Content-Type: application/pdf")
    assert result.returncode == 0, result.stderr
    assert re.fullmatch(r'200 "[0-9a-f]{32}"\n', result.stdout)
    assert "100% confirmed" in result.stderr
    assert seaweedfs.content("anything/put") == path.read_bytes()


@pytest.fixture
def begin(seaweedfs):
    """A new session: its part URLs, and the arguments that complete it."""

    def begin(key):
        async def create():
            async with UploadScheduler() as scheduler:
                return await S3Bucket(seaweedfs.signer(), scheduler).create(key, "application/pdf")

        upload_id = asyncio.run(create())

        def presign(method, **query):
            query["uploadId"] = upload_id
            return seaweedfs.signer().presign(method, key, now=time.time(), query=query)

        return [presign("PUT", partNumber=str(number)) for number in (1, 2)], ("--complete", presign("POST"))

    return begin


def test_parts_and_their_completion(seaweedfs, path, tmp_path, begin):
    urls, complete = begin("anything/parts")
    state = tmp_path / "state.json"
    result = run(path, *urls, *complete, "--state", state)
    assert result.returncode == 0, result.stderr
    assert [line.split()[:2] for line in result.stdout.splitlines()] == [["1", str(6 * MIB)], ["2", str(6 * MIB)]]
    assert seaweedfs.content("anything/parts") == path.read_bytes()
    assert run(path, *urls, "--state", state).returncode == 0  # it is stored: nothing is sent


def take_back(state):
    """As if it had been killed when the first part was confirmed."""
    value = json.loads(state.read_text())
    assert len(value["parts"]) == 2
    state.write_text(json.dumps({**value, "stored": False, "parts": value["parts"][:1]}))


def test_a_session_goes_on_however_its_urls_are_signed(seaweedfs, path, tmp_path, begin):
    urls, complete = begin("anything/on")
    state = tmp_path / "state.json"
    assert run(path, *urls, "--state", state).returncode == 0
    take_back(state)
    spent = re.sub("X-Amz-Signature=.", "X-Amz-Signature=_", urls[0])
    result = run(path, spent, urls[1], *complete, "--state", state)
    assert result.returncode == 0, result.stderr
    assert seaweedfs.content("anything/on") == path.read_bytes()


def test_a_state_of_other_urls_is_not_taken(seaweedfs, path, tmp_path, begin):
    state = tmp_path / "state.json"
    assert run(path, *begin("anything/earlier")[0], "--state", state).returncode == 0
    take_back(state)
    for key in ("anything/other", "anything/another"):  # after an unfinished one, after a finished one
        urls, complete = begin(key)
        result = run(path, *urls, *complete, "--state", state)
        assert result.returncode == 0, result.stderr
        assert "beginning anew" in result.stderr
        assert seaweedfs.content(key) == path.read_bytes()
    for key in ("anything/put1", "anything/put2"):
        result = run(path, seaweedfs.signer().presign("PUT", key, now=time.time()), "--state", state)
        assert result.returncode == 0, result.stderr
        assert seaweedfs.content(key) == path.read_bytes()


def test_headers_without_a_blank(seaweedfs, path):
    headers = {"Content-Type": "application/pdf"}
    url = seaweedfs.signer().presign("PUT", "anything/header", now=time.time(), headers=headers)
    assert run(path, url, "-H", "Content-Type:application/pdf").returncode == 0
    result = run(path, url, "-H", "very-secret")
    assert result.returncode == 2
    assert result.stderr.endswith('-H/--header: write "Name: value"\n')


def test_what_goes_wrong_is_a_sentence(seaweedfs, path, tmp_path):
    late = seaweedfs.signer().presign("PUT", "anything/late", now=time.time() - 7200)
    no_json = tmp_path / "no.json"
    no_json.write_text("{")
    for arguments in (
        (path, late),
        (tmp_path / "missing", late),
        (tmp_path / "missing", late, late),
        (path, late, "--state", no_json),
        (path, late, "--state", path),
        (path, late, "--state", tmp_path / "missing" / "state.json"),
    ):
        result = run(*arguments)
        assert result.returncode == 3
        assert result.stderr.splitlines()[-1].startswith("error: ")
        assert "Traceback" not in result.stderr
        assert "X-Amz-Signature=" not in result.stderr
