from __future__ import annotations

import struct
import zlib
from typing import Any

import httpx
import pytest

from plangrep_async.emulator import Emulator


def artifact(api: Any, done: dict[str, Any], kind: str) -> str:
    """The URL of an artifact of the first document."""
    document = api.result(done["id"])["documents"][0]
    entries = [*document["artifacts"], *(item for sheet in document["sheets"] for item in sheet["artifacts"])]
    url: str = next(item["url"] for item in entries if item["type"] == kind)
    return url


def test_artifacts_of_a_job(emulator: Emulator, api: Any, done: dict[str, Any], sheet_set: bytes) -> None:
    original = api.get(artifact(api, done, "original"))
    assert original.content == sheet_set
    assert original.headers["content-type"] == "application/octet-stream"
    assert "sheet-set.pdf" in original.headers["content-disposition"]
    extracted = api.get(artifact(api, done, "extracted_json")).json()
    assert len(extracted["pages"]) == 5
    assert "SHEET A1.01" in extracted["pages"][0]["text"]
    thumbnail = api.get(artifact(api, done, "thumbnail")).content
    assert thumbnail.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", thumbnail[16:24])
    start = thumbnail.index(b"IDAT") + 4
    assert len(zlib.decompress(thumbnail[start : thumbnail.index(b"IEND") - 8])) == (width + 1) * height


def test_head_tells_the_length(api: Any, done: dict[str, Any], sheet_set: bytes) -> None:
    head = api.head(artifact(api, done, "original"))
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(sheet_set)), b"")


def test_artifacts_of_a_project(api: Any, done: dict[str, Any]) -> None:
    regions = api.get(f"/projects/{done['projectId']}/regions").json()["regions"]
    crop = api.get(regions[0]["artifacts"][0]["url"])
    assert (regions[0]["artifacts"][0]["type"], crop.content[:4]) == ("vector_crop", b"<svg")


@pytest.mark.parametrize("path", ["", "documents/none/original", "../../etc/passwd", "documents"])
def test_paths_that_are_not_in_the_result(api: Any, done: dict[str, Any], path: str) -> None:
    for base in (f"/jobs/{done['id']}", f"/projects/{done['projectId']}"):
        assert api.get(f"{base}/artifact", params={"path": path}).status_code == (404 if path else 400)


def test_no_access_across_projects_and_scopes(
    emulator: Emulator, api: Any, connect: Any, done: dict[str, Any], bare: httpx.Client
) -> None:
    url = artifact(api, done, "original")
    other = api.new_project("Other")
    path = httpx.URL(url).params["path"]
    assert api.get(f"/projects/{other}/artifact", params={"path": path}).status_code == 404
    assert bare.get(url).status_code == 401
    weak = connect(emulator.plangrep.create_key(("jobs:read",)))
    assert weak.error(weak.get(url)) == (403, "insufficient_scope")
    job = api.new_job(other)
    assert api.get(f"/jobs/{job}/artifact", params={"path": path}).status_code == 404


@pytest.fixture
def token_url(emulator: Emulator, api: Any, done: dict[str, Any]) -> str:
    path = httpx.URL(artifact(api, done, "original")).params["path"]
    token = emulator.plangrep.issue_download_token(done["id"], path)
    return f"{emulator.plangrep_url}/api/open/v1/artifact-downloads/{token}"


def test_a_download_token_is_used_once_and_head_does_not_count(
    bare: httpx.Client, token_url: str, sheet_set: bytes
) -> None:
    for _ in range(2):
        head = bare.head(token_url)
        assert (head.status_code, head.headers["content-length"]) == (200, str(len(sheet_set)))
    assert bare.get(token_url).content == sheet_set
    assert bare.get(token_url).status_code == 410
    assert bare.head(token_url).status_code == 410


def test_tokens_end(emulator: Emulator, bare: httpx.Client, token_url: str) -> None:
    emulator.clock.advance(900)
    assert bare.get(token_url).json()["error"]["code"] == "token_expired"
    assert bare.get(f"{token_url}x").status_code == 404


def test_the_key_at_a_download_is_a_violation_and_uses_nothing(
    emulator: Emulator, api: Any, bare: httpx.Client, token_url: str
) -> None:
    assert api.error(api.get(token_url)) == (400, "authorization_not_allowed")
    assert emulator.violations.kinds() == {"credentials_at_download"}
    assert bare.get(token_url).status_code == 200
