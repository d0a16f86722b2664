"""POST Object with a verifier of the test's own; real policies are tried where they are made."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest

from plangrep_async.emulator import Emulator
from plangrep_async.emulator.storage.errors import S3Error
from plangrep_async.emulator.storage.form import PostGrant

BUCKET = "bucket"

CodeOf = Callable[[httpx.Response], str]
Grants = dict[str, Any]


@pytest.fixture
def grant(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Grants:
    """What the policy allows; tests change it."""
    allowed: Grants = {}

    def verify(fields: Mapping[str, str], **_: object) -> PostGrant:
        if fields.get("policy") != "good":
            raise S3Error("AccessDenied", "Invalid according to Policy: Policy expired.")
        return PostGrant(key=fields["key"], **allowed)

    monkeypatch.setattr(emulator._storage._post, "_verify", verify)
    return allowed


def post(emulator: Emulator, client: httpx.Client, data: bytes = b"pixels", **options: Any) -> httpx.Response:
    fields = options.pop("fields", {"key": "photos/${filename}", "policy": "good"})
    files = options.pop("files", {"file": ("C:\\photos\\site.jpg", data, "image/jpeg")})
    return client.post(f"{emulator.storage_url}/{BUCKET}/", data=fields, files=files, **options)


def test_a_form_is_stored(emulator: Emulator, bare: httpx.Client, grant: Grants) -> None:
    answer = post(emulator, bare, b"pixels")
    assert (answer.status_code, answer.content) == (204, b"")
    [stored] = emulator.storage.objects
    assert (stored.key, stored.content.read(), stored.etag) == ("photos/site.jpg", b"pixels", answer.headers["etag"])


@pytest.mark.parametrize("name", ["Grundriß 図面.pdf", "two\nlines.pdf", 'a "b".pdf'])
def test_any_key_can_be_told(emulator: Emulator, bare: httpx.Client, grant: Grants, name: str) -> None:
    answer = post(emulator, bare, files={"file": (name, b"x")})
    assert answer.status_code == 204
    assert httpx.URL(answer.headers["location"]).path == f"/{BUCKET}/photos/{name}"
    assert [stored.key for stored in emulator.storage.objects] == [f"photos/{name}"]


def test_metadata_comes_back(emulator: Emulator, bare: httpx.Client, grant: Grants) -> None:
    grant["metadata"] = {"x-amz-meta-note": "Grundriß 図面"}
    assert post(emulator, bare).status_code == 204
    answer = bare.get(emulator.context.storage.sign_get(BUCKET, "photos/site.jpg", lifetime=60).url)
    assert dict(answer.headers.raw)[b"x-amz-meta-note"].decode() == "Grundriß 図面"


def test_the_three_answers(emulator: Emulator, bare: httpx.Client, grant: Grants) -> None:
    grant["status"] = 201
    created = post(emulator, bare)
    assert created.status_code == 201
    assert b"<Key>photos/site.jpg</Key>" in created.content
    grant["redirect"] = "https://io.example.com/done?token=1"
    redirected = post(emulator, bare)
    assert redirected.status_code == 303
    assert redirected.headers["location"].startswith("https://io.example.com/done?token=1&bucket=bucket&key=photos%2F")
    grant.update(redirect=None, status=200)
    assert post(emulator, bare).status_code == 200


def test_a_refused_policy_stores_nothing(
    emulator: Emulator, bare: httpx.Client, grant: Grants, code_of: CodeOf
) -> None:
    assert code_of(post(emulator, bare, fields={"policy": "bad"})) == "AccessDenied"
    assert emulator.storage.objects == []


def test_the_length_range(emulator: Emulator, bare: httpx.Client, grant: Grants, code_of: CodeOf) -> None:
    grant.update(minimum=3, maximum=5)
    assert code_of(post(emulator, bare, b"12")) == "EntityTooSmall"
    assert code_of(post(emulator, bare, b"123456")) == "EntityTooLarge"
    assert post(emulator, bare, b"12345").status_code == 204


def test_the_checksum_field(emulator: Emulator, bare: httpx.Client, grant: Grants, code_of: CodeOf) -> None:
    grant["checksum_sha256"] = base64.b64encode(hashlib.sha256(b"pixels").digest()).decode()
    assert post(emulator, bare, b"pixels").status_code == 204
    assert code_of(post(emulator, bare, b"others")) == "BadDigest"


def test_what_follows_the_file_is_ignored(emulator: Emulator, bare: httpx.Client, grant: Grants) -> None:
    files = [
        ("key", (None, "photos/${filename}")),
        ("policy", (None, "good")),
        ("file", ("a", b"first")),
        ("file", ("b", b"second")),
        ("key", (None, "other")),
    ]
    assert post(emulator, bare, fields={}, files=files).status_code == 204
    [stored] = emulator.storage.objects
    assert (stored.key, stored.content.read()) == ("photos/a", b"first")


def test_broken_forms(emulator: Emulator, bare: httpx.Client, grant: Grants, code_of: CodeOf) -> None:
    url = f"{emulator.storage_url}/{BUCKET}"
    assert code_of(bare.post(url, content=b"{}")) == "MalformedPOSTRequest"
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    cut = b'--b\r\nContent-Disposition: form-data; name="policy"\r\n\r\ngood'
    assert code_of(bare.post(url, content=cut, headers=kind)) == "IncompleteBody"
    assert code_of(bare.post(url, content=cut + b"\r\n--b--\r\n", headers=kind)) == "InvalidArgument"
    assert code_of(bare.post(url, content=iter([cut]), headers=kind)) == "MissingContentLength"
    long = {"policy": "good", "x": "y" * 30_000}
    assert code_of(post(emulator, bare, fields=long)) == "MaxPostPreDataLengthExceeded"
    assert emulator.storage.objects == []


def test_credentials_are_noted(emulator: Emulator, bare: httpx.Client, grant: Grants) -> None:
    assert post(emulator, bare, headers={"Authorization": "Basic eDp5"}).status_code == 400
    assert emulator.violations.kinds() == {"credentials_at_storage"}
