"""The POST form, presigned PUT and multipart against Ceph's gateway, which reads forms more strictly than SeaweedFS.

It is no Python package, so these tests run where it is installed (Debian: radosgw, ceph-mon, ceph-osd) and are skipped
elsewhere, also in CI. With ``REQUIRE_RADOSGW`` in the environment a gateway that is missing is an error.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from types import SimpleNamespace

import httpx
import pytest

from plangrep_async.config import RetryPolicy
from plangrep_async.errors import (
    ChecksumMismatchError,
    StorageError,
    TransferConnectionError,
    UploadExpiredError,
)
from plangrep_async.testing import Fault, FaultProxy, RadosGateway
from plangrep_async.upload import (
    Path,
    PostFormTarget,
    PutTarget,
    S3Bucket,
    S3Credentials,
    S3Signer,
    StartOver,
    Upload,
    UploadFile,
    UploadScheduler,
    UploadSettings,
    UploadState,
)

if not os.environ.get("REQUIRE_RADOSGW") and (missing := RadosGateway.missing()):
    pytest.skip(missing, allow_module_level=True)

pytestmark = pytest.mark.integration

MIB = 1 << 20


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RadosGateway]:
    with RadosGateway(tmp_path_factory.mktemp("rgw")) as server:
        yield server


@pytest.fixture
def proxy(gateway: RadosGateway) -> Iterator[FaultProxy]:
    with FaultProxy("127.0.0.1", gateway.port) as proxy:
        yield proxy


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """One for each test, with characters that must be encoded."""
    return f"tests/{request.node.name} 1 é+&.pdf"


async def send(target: PostFormTarget | PutTarget, file: object, **settings: object):
    """The outcome of one upload, failed or not."""
    async with UploadScheduler(UploadSettings(**settings) if settings else None) as scheduler:
        report = await scheduler.run_all([Upload(file, target)])
    [outcome] = [*report.uploaded, *report.failed]
    return outcome


async def stored(gateway: RadosGateway, key: str) -> bytes | None:
    return await asyncio.to_thread(gateway.content, key)


def form(gateway: RadosGateway, key: str, *, signer: S3Signer | None = None, **options) -> PostFormTarget:
    url, fields = (signer or gateway.signer()).post_form(key, now=options.pop("now", time.time()), **options)
    return PostFormTarget(url=url, fields=fields)


def with_field(target: PostFormTarget, name: str, value: str | None) -> PostFormTarget:
    """Changed after signing; ``None`` leaves it out."""
    fields = [(each, value if each == name else text) for each, text in target.fields]
    return PostFormTarget(url=target.url, fields=[(each, text) for each, text in fields if text is not None])


def with_key_prefix(gateway: RadosGateway, prefix: str, key: str) -> PostFormTarget:
    """A policy of the kind that lets the client choose the rest of the key."""
    target = form(gateway, key, fields={"success_action_status": "201"})
    fields = dict(target.fields)
    policy = json.loads(base64.b64decode(fields["policy"]))
    policy["conditions"].remove({"key": key})
    policy["conditions"].append(["starts-with", "$key", prefix])
    fields["policy"] = base64.b64encode(json.dumps(policy).encode()).decode()
    fields["x-amz-signature"] = gateway.signer()._sign(fields["x-amz-date"], fields["policy"])
    return PostFormTarget(url=target.url, fields=fields)


# The POST form


async def test_a_form_is_stored_with_its_type_and_metadata(gateway, key):
    content = os.urandom(100_000)
    fields = {"Content-Type": "image/png", "x-amz-meta-note": 'a "b" & c; é', "x-ignore-me": "1"}
    outcome = await send(form(gateway, key, fields=fields), UploadFile(content, name="site.png"))
    assert (outcome.status, outcome.result.answer.status, outcome.attempts) == ("stored", 204, 1)
    headers = await asyncio.to_thread(gateway.headers, key)
    assert headers["etag"].strip('"') == hashlib.md5(content).hexdigest()
    assert headers["content-type"] == "image/png"
    assert headers["content-length"] == "100000"
    assert headers["x-amz-meta-note"].encode("latin-1").decode() == 'a "b" & c; é'
    assert await stored(gateway, key) == content


async def test_the_answer_that_names_what_was_stored(gateway, key):
    target = form(gateway, key, fields={"success_action_status": "201"})
    outcome = await send(target, UploadFile(b"content", name="a.pdf"))
    answer = outcome.result.answer
    assert answer.status == 201
    told = dict(re.findall(r"<(Bucket|Key|ETag)>([^<]*)<", answer.content.decode()))
    assert told == {
        "Bucket": gateway.bucket,
        "Key": key.replace("&", "&amp;"),
        "ETag": hashlib.md5(b"content").hexdigest(),
    }


async def test_a_redirect_means_stored_and_is_not_followed(gateway, key):
    target = form(gateway, key, fields={"success_action_redirect": "http://127.0.0.1:9/done"})
    outcome = await send(target, UploadFile(b"content", name="a.pdf"))
    assert outcome.result.answer.status == 303
    assert outcome.result.answer.headers["location"].startswith("http://127.0.0.1:9/done?")
    assert await stored(gateway, key) == b"content"


@pytest.mark.parametrize("limits", [(0, 0), (0, 10)])
async def test_an_empty_file(gateway, limits):
    key = f"tests/empty{limits}"
    target = form(gateway, key, conditions=[["content-length-range", *limits]])
    assert (await send(target, UploadFile(b"", name="empty.pdf"))).ok
    assert await stored(gateway, key) == b""


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Grundriß 1. OG 図面 😀.pdf", None),
        ('the "new" plan.pdf', "the %22new%22 plan.pdf"),
        ("two\r\nlines.pdf", "two%0D%0Alines.pdf"),
        ("it's 100%, a+b&c=d.pdf", None),
        ("C:\\ends\\", "C:\\ends%5C"),
        ("cut\0short.pdf", "cut%00short.pdf"),
        ("x" * 250 + ".pdf", None),
    ],
)
async def test_file_names_arrive(gateway, name, told):
    """The gateway puts the name it read into the key: what our form says is what it understands."""
    folder = f"names/{hashlib.md5(name.encode()).hexdigest()}/"
    target = with_key_prefix(gateway, folder, folder + "${filename}")
    assert (await send(target, UploadFile(b"content", name=name))).ok
    assert await stored(gateway, folder + (told or name)) == b"content"


async def test_many_small_files_share_connections(gateway):
    contents = [os.urandom(1 + 97 * number) for number in range(100)]
    uploads = [
        Upload(UploadFile(content, name=f"{number}.bin"), form(gateway, f"many/{number}"))
        for number, content in enumerate(contents)
    ]
    async with UploadScheduler() as scheduler:
        report = await scheduler.run_all(uploads)
    assert not report.failed
    assert sum(outcome.attempts for outcome in report.uploaded) == 100
    assert await asyncio.to_thread(lambda: [gateway.content(f"many/{number}") for number in range(100)]) == contents


async def test_a_large_file_is_streamed(gateway, key, tmp_path):
    path = tmp_path / "large.bin"
    block = os.urandom(MIB)
    await asyncio.to_thread(path.write_bytes, b"".join(bytes([number]) + block for number in range(50)))
    target = form(gateway, key, conditions=[["content-length-range", 50 * MIB, 51 * MIB]])
    outcome = await send(target, path, memory=4 * MIB)
    assert (outcome.status, outcome.attempts, outcome.size) == ("stored", 1, 50 * MIB + 50)
    assert 0 < outcome.bytes_sent - outcome.size < 10_000  # the form around it
    sha256 = hashlib.sha256(await asyncio.to_thread(path.read_bytes)).hexdigest()
    assert await asyncio.to_thread(gateway.sha256, key) == sha256


# What the policy does not allow


def tampered(target: PostFormTarget) -> PostFormTarget:
    """A policy that was changed after signing."""
    policy = base64.b64decode(dict(target.fields)["policy"]).replace(b"tests/", b"other/")
    return with_field(target, "policy", base64.b64encode(policy).decode())


def stranger(gateway: RadosGateway) -> S3Signer:
    return S3Signer(gateway.endpoint, gateway.bucket, S3Credentials("AKIANOBODY", "another-secret"))


REFUSALS = {
    "too large": (lambda g, k: form(g, k, conditions=[["content-length-range", 1, 999]]), 400, "EntityTooLarge"),
    "too small": (lambda g, k: form(g, k, conditions=[["content-length-range", 1001, 9999]]), 400, "EntityTooSmall"),
    "another key": (lambda g, k: with_field(form(g, "tests/signed"), "key", k), 403, "AccessDenied"),
    "outside the prefix": (lambda g, k: with_key_prefix(g, "photos/", k), 403, "AccessDenied"),
    "another type": (
        lambda g, k: with_field(form(g, k, fields={"Content-Type": "image/png"}), "Content-Type", "text/html"),
        403,
        "AccessDenied",
    ),
    "a field left out": (
        lambda g, k: with_field(form(g, k, fields={"x-amz-meta-a": "1"}), "x-amz-meta-a", None),
        403,
        "AccessDenied",
    ),
    "a field too many": (
        lambda g, k: PostFormTarget(url=form(g, k).url, fields=[*form(g, k).fields, ("x-extra", "1")]),
        403,
        "AccessDenied",
    ),
    "a wrong signature": (lambda g, k: with_field(form(g, k), "x-amz-signature", "0" * 64), 403, "AccessDenied"),
    "no signature": (lambda g, k: with_field(form(g, k), "x-amz-signature", None), 400, "InvalidArgument"),
    "a changed policy": (lambda g, k: tampered(form(g, k)), 403, "AccessDenied"),
    "an unknown access key": (lambda g, k: form(g, k, signer=stranger(g)), 403, "AccessDenied"),
    "no key": (lambda g, k: with_field(form(g, k), "key", None), 400, "InvalidArgument"),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_what_is_refused(gateway, key, case):
    make, status, code = REFUSALS[case]
    target = make(gateway, key)
    outcome = await send(target, UploadFile(bytes(1000), name="a.pdf"))
    error = outcome.error
    assert type(error) is StorageError
    assert (error.status, error.code, outcome.attempts) == (status, code, 1)
    for name, value in target.fields:
        if name in ("policy", "x-amz-signature"):
            assert value not in f"{error!r} {error}"
    assert await stored(gateway, key) is None


async def test_an_expired_policy_is_told_apart_and_renewed(gateway, key):
    expired = form(gateway, key, now=time.time() - 7200)
    outcome = await send(expired, UploadFile(b"content", name="a.pdf"))
    assert isinstance(outcome.error, UploadExpiredError)
    assert (outcome.error.status, outcome.error.code) == (403, "AccessDenied")
    assert await stored(gateway, key) is None
    reasons = []

    async def slot(request):
        reasons.append(request.reason)
        return form(gateway, key) if request.renewal else expired

    async with UploadScheduler() as scheduler:
        await scheduler.upload(Upload(UploadFile(b"content", name="a.pdf"), slot))
    assert [type(reason) for reason in reasons] == [type(None), UploadExpiredError]
    assert await stored(gateway, key) == b"content"


@pytest.mark.parametrize("case", ["too large", "another key", "a wrong signature"])
async def test_a_large_file_that_is_refused_is_not_sent_to_its_end(gateway, key, case):
    make, status, code = REFUSALS[case]
    outcome = await send(make(gateway, key), UploadFile(bytes(50 * MIB), name="a.pdf"))
    assert isinstance(outcome.error, StorageError)
    assert (outcome.error.status, outcome.error.code, outcome.attempts) == (status, code, 1)
    assert outcome.bytes_sent < 40 * MIB
    assert await stored(gateway, key) is None


async def test_the_file_must_be_the_last_part(gateway, key):
    """Why the engine sends it so: what follows the file is not read."""
    target = form(gateway, key)
    fields = [(name, (None, value)) for name, value in target.fields]
    file = ("file", ("a.pdf", b"content"))
    async with httpx.AsyncClient(trust_env=False) as client:
        first = await client.post(target.url, files=[file, *fields])
        assert (first.status_code, "<Code>InvalidArgument</Code>" in first.text) == (400, True)
        between = await client.post(target.url, files=[*fields[:3], file, *fields[3:]])
        assert between.status_code in (400, 403)
        assert await stored(gateway, key) is None
        last = await client.post(target.url, files=[*reversed(fields), file])
        assert last.status_code == 204


# A connection that breaks


@pytest.mark.parametrize("action", ["close", "reset", "half-close"])
async def test_half_a_form_is_not_stored(gateway, proxy, key, action):
    """The gateway takes the end of the body for the end of the form: nothing but its length protects the file.

    When it can still answer, it speaks of a key that it does not have.
    """
    target = form(gateway, key, signer=gateway.signer(proxy.url))
    proxy.plan(Fault(action, after=100_000, in_body=True))
    outcome = await send(target, UploadFile(bytes(200_000), name="a.pdf"), retry=RetryPolicy(max_attempts=1))
    assert isinstance(outcome.error, TransferConnectionError) or outcome.error.code == "NoSuchKey"
    assert await stored(gateway, key) is None
    proxy.plan(Fault(action, after=100_000, in_body=True))
    outcome = await send(target, UploadFile(bytes(200_000), name="a.pdf"))
    assert (outcome.status, outcome.attempts) == ("stored", 2)
    assert await stored(gateway, key) == bytes(200_000)


# Presigned PUT


async def test_presigned_put(gateway, key):
    headers = {"Content-Type": "application/pdf", "x-amz-meta-note": "a  b"}
    content = os.urandom(300_001)
    url = gateway.signer().presign("PUT", key, now=time.time(), headers=headers)
    outcome = await send(PutTarget(url=url, headers=headers), UploadFile(content, name="a.pdf"))
    assert outcome.result.answer.headers["etag"].strip('"') == hashlib.md5(content).hexdigest()
    stored_with = await asyncio.to_thread(gateway.headers, key)
    assert {name: stored_with[name.lower()] for name in headers} == headers
    assert await stored(gateway, key) == content


async def test_a_put_whose_digest_is_wrong(gateway, key):
    headers = {"Content-MD5": base64.b64encode(hashlib.md5(b"another").digest()).decode()}
    url = gateway.signer().presign("PUT", key, now=time.time(), headers=headers)
    outcome = await send(PutTarget(url=url, headers=headers), UploadFile(b"content", name="a.pdf"))
    assert isinstance(outcome.error, ChecksumMismatchError)
    assert outcome.attempts == 2  # the wire may have been at fault, once
    assert await stored(gateway, key) is None


@pytest.mark.parametrize("told", [True, False])
async def test_an_expired_put_is_renewed(gateway, key, told):
    """The gateway answers "AccessDenied" without a word why."""
    reasons = []

    async def slot(request):
        reasons.append(request.reason)
        begun = time.time() - (0 if request.renewal else 7200)
        url = gateway.signer().presign("PUT", key, now=begun)
        return PutTarget(url=url, expires_at=begun + 3600 if told else None)

    async with UploadScheduler() as scheduler:
        await scheduler.upload(Upload(UploadFile(b"content", name="a.pdf"), slot))
    assert [type(reason) for reason in reasons] == [type(None), UploadExpiredError]
    assert await stored(gateway, key) == b"content"


# Multipart


@pytest.fixture
def large(tmp_path) -> SimpleNamespace:
    """Three parts of 5 MiB and a rest."""
    content = os.urandom(15 * MIB + 17)
    path = tmp_path / "large.bin"
    path.write_bytes(content)
    return SimpleNamespace(path=path, content=content)


async def test_multipart(gateway, key, large):
    async with UploadScheduler() as scheduler:
        bucket = S3Bucket(gateway.signer(), scheduler)
        result = await scheduler.upload(bucket.upload(large.path, key, path=Path.MULTIPART, part_size=5 * MIB))
    assert (result.key, result.size) == (key, len(large.content))
    assert result.etag is None or result.etag.endswith('-4"')  # this gateway does not always tell
    assert await stored(gateway, key) == large.content


async def test_resuming_sends_only_what_is_missing(gateway, key, large):
    states = []

    class Stop(Exception):
        pass

    def keep(state):
        states.append(state.to_json())
        if len(state.parts) == 2:
            raise Stop

    async with UploadScheduler() as scheduler:
        bucket = S3Bucket(gateway.signer(), scheduler)
        with pytest.raises(Stop):
            await scheduler.upload(
                bucket.upload(large.path, key, path=Path.MULTIPART, part_size=5 * MIB, on_state=keep)
            )
    state = UploadState.from_json(states[-1])
    async with UploadScheduler() as scheduler:
        bucket = S3Bucket(gateway.signer(), scheduler)
        held = await bucket.list_parts(key, state.upload_id)
        assert len(held) >= 2
        [outcome] = (await scheduler.run_all([bucket.upload(large.path, key, resume=state)])).uploaded
    # What was on the wire when it stopped may have been stored after the look.
    assert outcome.bytes_sent <= len(large.content) - sum(part.size for part in held)
    assert await stored(gateway, key) == large.content


async def test_a_session_that_is_gone_starts_over(gateway, key, large):
    states = []
    async with UploadScheduler(UploadSettings(retry=RetryPolicy(max_attempts=2, base=0.01))) as scheduler:
        bucket = S3Bucket(gateway.signer(), scheduler)
        options = {"path": Path.MULTIPART, "part_size": 5 * MIB}
        await scheduler.upload(bucket.upload(large.path, key, on_state=states.append, **options))
        first = states[-1]
        # Completing twice is harmless here, unlike elsewhere.
        etag = await bucket.finish(key, first.upload_id, first.parts, size=len(large.content))
        assert etag == (await asyncio.to_thread(gateway.headers, key))["etag"]
        await scheduler.upload(bucket.upload(large.path, key, resume=states[0], **options))
        assert await stored(gateway, key) == large.content
        upload_id = await bucket.create(f"{key}2", "application/pdf")
        await bucket.abort(f"{key}2", upload_id)
        with pytest.raises(StartOver):
            await bucket.list_parts(f"{key}2", upload_id)
        with pytest.raises(StartOver):
            await bucket.finish(f"{key}2", upload_id, first.parts, size=len(large.content))
