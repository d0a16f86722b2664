"""The example, run as its users run it."""

from __future__ import annotations

import asyncio
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


def test_parts_and_their_completion(seaweedfs, path, tmp_path):
    async def create():
        async with UploadScheduler() as scheduler:
            return await S3Bucket(seaweedfs.signer(), scheduler).create("anything/parts", "application/pdf")

    upload_id = asyncio.run(create())

    def presign(method, **query):
        query["uploadId"] = upload_id
        return seaweedfs.signer().presign(method, "anything/parts", now=time.time(), query=query)

    urls = [presign("PUT", partNumber=str(number)) for number in (1, 2)]
    state = tmp_path / "state.json"
    result = run(path, *urls, "--complete", presign("POST"), "--state", state)
    assert result.returncode == 0, result.stderr
    assert [line.split()[:2] for line in result.stdout.splitlines()] == [["1", str(6 * MIB)], ["2", str(6 * MIB)]]
    assert seaweedfs.content("anything/parts") == path.read_bytes()
    assert run(path, *urls, "--state", state).returncode == 0  # it is stored: nothing is sent


def test_what_goes_wrong_is_a_sentence(seaweedfs, path, tmp_path):
    late = seaweedfs.signer().presign("PUT", "anything/late", now=time.time() - 7200)
    for arguments in ((path, late), (tmp_path / "missing", late)):
        result = run(*arguments)
        assert result.returncode == 3
        assert result.stderr.splitlines()[-1].startswith("error: ")
        assert "Traceback" not in result.stderr
        assert "X-Amz-Signature=" not in result.stderr
