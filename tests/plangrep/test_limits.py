from __future__ import annotations

import pytest

from plangrep_async.errors import InvalidInputError
from plangrep_async.plangrep.limits import (
    check_classification,
    check_files,
    check_https,
    check_idempotency_key,
    check_range,
    check_sha256,
    check_text,
)
from plangrep_async.plangrep.models import Classification, JobLimits


def test_lengths_are_counted_in_characters() -> None:
    assert check_text("ö" * 180, "name", longest=180)
    with pytest.raises(InvalidInputError, match=r"name has 181 characters; the service takes 180"):
        check_text("ö" * 181, "name", longest=180)


@pytest.mark.parametrize("value", ["", "  ", None, 7])
def test_what_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(InvalidInputError, match="name"):
        check_text(value, "name")  # type: ignore[arg-type]


@pytest.mark.parametrize("key", ["k" * 257, "a\r\nX-Admin: 1", "schlüssel", " key", ""])
def test_an_idempotency_key_must_fit_into_a_header(key: str) -> None:
    with pytest.raises(InvalidInputError, match="idempotency_key"):
        check_idempotency_key(key)
    assert check_idempotency_key("k" * 256)


@pytest.mark.parametrize("value", [0, 501, -1, True, 1.5, "10"])
def test_page_sizes(value: object) -> None:
    with pytest.raises(InvalidInputError, match="limit must be a whole number from 1 to 500"):
        check_range(value, "limit", 1, 500)  # type: ignore[arg-type]
    assert check_range(500, "limit", 1, 500) == 500
    assert check_range(None, "limit", 1, 500) is None


def test_a_misspelt_classification_is_told_the_right_one() -> None:
    assert check_classification("plans") is Classification.PLANS
    with pytest.raises(InvalidInputError, match="did you mean 'specifications'"):
        check_classification("specification")
    with pytest.raises(InvalidInputError, match="use one of plans, specifications"):
        check_classification("xyz")
    # On purpose: a value that the service may learn later.
    assert check_classification(Classification("models")) == "models"


@pytest.mark.parametrize(
    "url", ["http://a.test/x", "a.test", "https://", "https://a.test/#x", "https://a b.test", "ftp://a"]
)
def test_a_webhook_must_be_https(url: str) -> None:
    with pytest.raises(InvalidInputError, match="https"):
        check_https(url, "webhook_url")


@pytest.mark.parametrize(
    "url", ["https://user:hush@a.test/x", "https://hush@a.test", "https://@a.test", "http://u:hush@127.0.0.1/x"]
)
def test_a_webhook_has_no_credentials_of_its_own(url: str) -> None:
    with pytest.raises(InvalidInputError, match="user name or a password") as caught:
        check_https(url, "webhook_url", or_loopback=True)
    assert "hush" not in str(caught.value)
    assert check_https("https://a.test/@user?to=me@a.test", "webhook_url")


def test_a_webhook_of_an_emulator_may_come_to_this_machine() -> None:
    assert check_https("http://127.0.0.1:9/x", "webhook_url", or_loopback=True)
    with pytest.raises(InvalidInputError):
        check_https("http://10.0.0.1/x", "webhook_url", or_loopback=True)


@pytest.mark.parametrize("digest", ["", "a" * 63, "A" * 64, "g" * 64])
def test_a_digest_is_lower_case_hexadecimal(digest: str) -> None:
    with pytest.raises(InvalidInputError, match="sha256"):
        check_sha256(digest, "sha256")


def test_the_jobs_own_limits_go_before_the_documented_ones() -> None:
    check_files([10] * 100)
    check_files([10] * 150, limits=JobLimits(max_files=200))
    check_files([5_000_000_000, 5_000_000_000, None])
    with pytest.raises(InvalidInputError, match="101 are too many: a job takes 100"):
        check_files([1] * 101)
    with pytest.raises(InvalidInputError, match="a job takes 3 and it holds 2 already"):
        check_files([1, 1], limits=JobLimits(max_files=3), present=2)
    with pytest.raises(InvalidInputError, match=r"10,000,000,001 bytes, and a job takes 10,000,000,000"):
        check_files([10_000_000_000, 1])
    with pytest.raises(InvalidInputError, match="a job takes 5"):
        check_files([6], limits=JobLimits(max_declared_bytes=5))
    with pytest.raises(InvalidInputError, match="there is none"):
        check_files([])
