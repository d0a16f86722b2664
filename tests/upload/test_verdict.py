from __future__ import annotations

import ssl

import pytest

from plangrep_async.errors import (
    ChecksumMismatchError,
    StorageError,
    TransferConnectionError,
    TransferStalledError,
    UploadExpiredError,
)
from plangrep_async.upload.verdict import Verdict, judge_answer, judge_failure
from plangrep_async.upload.wire import WireAnswer

URL = "https://bucket.s3.example/a/b?X-Amz-Signature=secret"


def judge(answer, **options):
    return judge_answer(answer, method="PUT", url=URL, name="plan.pdf", now=1_000_000.0, **options)


@pytest.mark.parametrize("status", [200, 201, 204])
def test_stored(status, make_answer):
    assert judge(make_answer(status)).verdict is Verdict.STORED


def test_which_statuses_mean_stored_can_be_said(make_answer):
    assert judge(make_answer(303), ok=frozenset({303})).verdict is Verdict.STORED
    assert judge(make_answer(200), ok=frozenset({303})).verdict is Verdict.REFUSED


def test_an_early_success_is_in_doubt():
    """Its bytes cannot be stored, but what a form has made of them must not be made twice."""
    judgement = judge(WireAnswer(200, {}, b"", 10, early=True))
    assert judgement.verdict is Verdict.DOUBT
    assert "before all bytes were sent" in str(judgement.error)


@pytest.mark.parametrize(
    ("status", "code", "verdict", "kind"),
    [
        (503, "SlowDown", Verdict.RETRY, StorageError),
        (400, "RequestTimeout", Verdict.RETRY, StorageError),
        (400, "IncompleteBody", Verdict.RETRY, StorageError),
        (404, "NoSuchKey", Verdict.RETRY, StorageError),
        (409, "OperationAborted", Verdict.RETRY, StorageError),
        (400, "BadDigest", Verdict.RETRY, ChecksumMismatchError),
        (400, "XAmzContentChecksumMismatch", Verdict.RETRY, ChecksumMismatchError),
        (400, "ExpiredToken", Verdict.EXPIRED, UploadExpiredError),
        (404, "NoSuchUpload", Verdict.GONE, UploadExpiredError),
        (500, "InternalError", Verdict.DOUBT, StorageError),
        (403, "AccessDenied", Verdict.REFUSED, StorageError),
        (403, "SignatureDoesNotMatch", Verdict.REFUSED, StorageError),
        (400, "EntityTooLarge", Verdict.REFUSED, StorageError),
        (404, "NoSuchBucket", Verdict.REFUSED, StorageError),
    ],
)
def test_codes(status, code, verdict, kind, s3_error):
    judgement = judge(s3_error(status, code))
    assert judgement.verdict is verdict
    assert type(judgement.error) is kind
    assert (judgement.error.status, judgement.error.code) == (status, code)
    assert judgement.error.service_message == "words"


@pytest.mark.parametrize(
    "message",
    ["Request has expired", "Invalid according to Policy: Policy expired.", "The provided token has expired."],
)
def test_expiry_in_words(message, s3_error):
    assert judge(s3_error(403, "AccessDenied", message)).verdict is Verdict.EXPIRED


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (301, Verdict.REFUSED),
        (307, Verdict.REFUSED),
        (408, Verdict.RETRY),
        (410, Verdict.EXPIRED),
        (412, Verdict.REFUSED),
        (413, Verdict.REFUSED),
        (425, Verdict.RETRY),
        (429, Verdict.RETRY),
        (499, Verdict.RETRY),
        (500, Verdict.DOUBT),
        (501, Verdict.REFUSED),
        (502, Verdict.DOUBT),
        (503, Verdict.RETRY),
        (504, Verdict.DOUBT),
    ],
)
def test_statuses_without_words(status, verdict, make_answer):
    assert judge(make_answer(status)).verdict is verdict


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_server_error_in_mid_body_leaves_no_doubt(status):
    assert judge(WireAnswer(status, {}, b"", 10, early=True)).verdict is Verdict.RETRY


@pytest.mark.parametrize(
    ("status", "verdict"), [(408, "DOUBT"), (425, "RETRY"), (429, "RETRY"), (499, "DOUBT"), (503, "DOUBT")]
)
def test_what_must_not_be_repeated_is_in_doubt_unless_the_status_proves_it(status, verdict, make_answer, s3_error):
    assert judge(make_answer(status), once=True).verdict is Verdict[verdict]
    assert judge(WireAnswer(status, {}, b"", 10, early=True), once=True).verdict is Verdict.RETRY
    assert judge(s3_error(status, "SlowDown"), once=True).verdict is Verdict.RETRY


@pytest.mark.parametrize(("status", "slow"), [(429, True), (503, True), (408, False), (500, False), (403, False)])
def test_who_asks_to_slow_down(status, slow, make_answer):
    assert judge(make_answer(status)).slow_down is slow


def test_retry_after_in_seconds_and_as_a_date_of_the_servers_clock(make_answer):
    assert judge(make_answer(503, retry_after="7")).retry_after == 7.0
    late = make_answer(503, retry_after="Wed, 01 Jan 2031 00:00:30 GMT", date="Wed, 01 Jan 2031 00:00:00 GMT")
    assert judge(late).retry_after == 30.0


def test_a_refusal_past_the_expiry_is_expiry(make_answer):
    assert judge(make_answer(403), expires_at=999_999.0).verdict is Verdict.EXPIRED
    assert judge(make_answer(403), expires_at=1_000_001.0).verdict is Verdict.REFUSED
    by_the_servers_clock = make_answer(403, date="Wed, 01 Jan 2031 00:00:00 GMT")
    assert judge(by_the_servers_clock, expires_at=1_000_001.0).verdict is Verdict.EXPIRED


def test_a_bare_refusal_may_be_suspected_of_expiry(make_answer, s3_error):
    assert judge(make_answer(403), suspect=True).verdict is Verdict.EXPIRED
    assert judge(s3_error(403, "AccessDenied"), suspect=True).verdict is Verdict.REFUSED
    assert judge(s3_error(403, "AccessDenied", ""), suspect=True).verdict is Verdict.EXPIRED
    assert judge(s3_error(403, "AccessDenied", "")).verdict is Verdict.REFUSED


def test_nothing_secret_in_the_words(s3_error):
    error = judge(s3_error(403, "AccessDenied")).error
    assert "secret" not in f"{error} {error!r} {error.url}"
    assert "plan.pdf" in str(error)


def test_failures():
    broken = TransferConnectionError("broken")
    assert judge_failure(broken, complete=False).verdict is Verdict.RETRY
    assert judge_failure(broken, complete=True).verdict is Verdict.DOUBT
    assert judge_failure(TransferConnectionError("x", nothing_sent=True), complete=True).verdict is Verdict.RETRY
    stalled = judge_failure(TransferStalledError("slow"), complete=False)
    assert (stalled.verdict, stalled.slow_down) == (Verdict.RETRY, True)


def test_a_certificate_that_is_not_trusted_stays_so():
    error = TransferConnectionError("not trusted", nothing_sent=True)
    error.__cause__ = ssl.SSLCertVerificationError("self-signed")
    assert judge_failure(error, complete=False).verdict is Verdict.REFUSED
