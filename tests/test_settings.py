"""Whatever is given to a constructor and cannot work is refused there, in words that name it."""

from __future__ import annotations

import math
import ssl
from collections.abc import Callable
from typing import Any

import pytest

from plangrep_async import (
    CallOptions,
    Hooks,
    InvalidInputError,
    PlangrepClient,
    PlanGridClient,
    RateLimit,
    RateLimiter,
    RetryPolicy,
    Secret,
    Timeouts,
    UploadScheduler,
    UploadSettings,
)
from plangrep_async.batch import BatchFormat
from plangrep_async.ratelimit import LimiterSettings
from plangrep_async.session import BearerCredentials, Session, SlotTransport

KEY = "key-of-a-test"


def plangrep(**settings: Any) -> PlangrepClient:
    return PlangrepClient(**{"api_key": KEY, **settings})


def plangrid(**settings: Any) -> PlanGridClient:
    return PlanGridClient(**{"api_key": KEY, **settings})


BROKEN: list[tuple[Callable[..., object], dict[str, Any], str]] = [
    (RetryPolicy, {"max_attempts": "5"}, "RetryPolicy.max_attempts must be a whole number of at least 1, not '5'"),
    (RetryPolicy, {"max_attempts": 0}, "at least 1"),
    (RetryPolicy, {"max_attempts": 2.5}, "whole"),
    (RetryPolicy, {"base": None}, "RetryPolicy.base"),
    (RetryPolicy, {"base": True}, "RetryPolicy.base"),
    (RetryPolicy, {"max_retry_after": math.nan}, "RetryPolicy.max_retry_after"),
    (Timeouts, {"connect": "3"}, "Timeouts.connect must be a number above 0"),
    (Timeouts, {"read": 0}, "Timeouts.read"),
    (RateLimit, {"limit": "40", "interval": 1}, "limit of a rate limit"),
    (RateLimit, {"limit": 40, "interval": "1"}, "interval of a rate limit"),
    (RateLimit, {"limit": 40, "interval": 1, "kind": 5}, "kind of a rate limit"),
    (RateLimiter, {"limits": "40/s"}, "RateLimit\\(40, 1.0\\)"),
    (RateLimiter, {"limits": 40}, "limits must be Iterable"),
    (RateLimiter, {"limits": RateLimit(40, 1)}, "limits must be Iterable"),
    (RateLimiter, {"max_waiters": "many"}, "max_waiters"),
    (RateLimiter, {"clock": 3}, "clock must be Clock or None"),
    (RateLimiter, {"store": {}}, "store must be BucketStore or None"),
    (LimiterSettings, {"margin": 0.9}, "LimiterSettings.margin must be a number of at least 0 and of at most 0.5"),
    (UploadSettings, {"max_transfers": "3"}, "UploadSettings.max_transfers"),
    (UploadSettings, {"max_bandwidth": 0}, "UploadSettings.max_bandwidth"),
    (UploadSettings, {"retry": 5}, "UploadSettings.retry must be RetryPolicy"),
    (UploadScheduler, {"settings": 3}, "settings must be UploadSettings or None"),
    (BatchFormat, {"max_entries": 1}, "BatchFormat.max_entries"),
    (CallOptions, {"deadline": "5"}, "deadline"),
    (CallOptions, {"max_attempts": True}, "max_attempts"),
    (CallOptions, {"coalesce": "no"}, "coalesce"),
    (Hooks, {"on_retry": 3}, "Hooks.on_retry must be Callable or None"),
    (SlotTransport, {"max_connections": 0}, "max_connections"),
    (SlotTransport, {"proxy": "ftp://proxy:1"}, "proxy"),
    (Secret, {"value": b"bytes"}, "must be str or Secret, not bytes"),
    (BearerCredentials, {"token": 5}, "must be str or Secret, not int"),
    (Session, {"base_url": None}, "base_url must be str"),
    (Session, {"base_url": "https://a b"}, "base_url"),
    (Session, {"base_url": "https://api.example.com\n"}, "base_url"),
    *(
        (client, settings, words)
        for client in (plangrep, plangrid)
        for settings, words in (
            ({"api_key": 123}, "api_key must be str or Secret or None, not int"),
            ({"base_url": 5}, "base_url must be str"),
            ({"base_url": "example.com"}, "base_url must be an absolute"),
            ({"retry": 5}, "retry must be RetryPolicy or None, not int"),
            ({"timeouts": 3}, "timeouts must be Timeouts or None"),
            ({"limiter": "40/s"}, "limiter must be RateLimiter or None"),
            ({"uploads": 3}, "uploads must be UploadSettings or None"),
            ({"hooks": print}, "hooks must be Hooks or None"),
            ({"transport": 5}, "transport must be AsyncBaseTransport or None"),
            ({"ssl_context": "certs.pem"}, "ssl_context must be SSLContext or None"),
            ({"proxy": 3128}, "proxy must be str or None"),
            ({"max_connections": "3"}, "max_connections"),
            ({"trust_env": "no"}, "trust_env must be bool"),
            ({"allow_insecure": "no"}, "allow_insecure must be bool"),
            ({"clock": 3}, "clock must be Clock or None"),
            ({"random": 0.5}, "random must be Callable"),
        )
    ),
    (plangrep, {"rate_limits": "40/s"}, "RateLimit"),
    (plangrep, {"rate_limits": 40}, "rate_limits must be Iterable"),
    (plangrep, {"deadline": "3"}, "deadline"),
    (plangrep, {"headers": 3}, "headers must be Mapping or None"),
    (plangrep, {"headers": {"X-Tenant": 3}}, "value of X-Tenant"),
    (plangrep, {"headers": {"X-Tenant": "a\r\nB: c"}}, "value of X-Tenant"),
    (plangrep, {"headers": {"X Tenant": "a"}}, "'X Tenant'"),
    (plangrep, {"headers": {"authorization": "Bearer x"}}, "api_key="),
    (plangrep, {"headers": {"Content-Length": "3"}}, "Content-Length"),
    (plangrep, {"webhook_verifier": 5}, "webhook_verifier must be WebhookVerifier or None"),
    (plangrep, {"wire_names": 5}, "wire_names must be WireNames or None"),
    (plangrid, {"limits": "40/s"}, "RateLimit"),
    (plangrid, {"limits": 5}, "limits must be Iterable or None"),
    (plangrid, {"coalesce": "no"}, "coalesce must be bool"),
    (plangrid, {"linger": "no"}, "linger"),
    (plangrid, {"upload_linger": "no"}, "upload_linger"),
    (plangrid, {"unverified": 5}, "unverified must be Unverified or None"),
    (plangrid, {"options": 5}, "options must be CallOptions or None"),
    (plangrid, {"api_key": None, "access_token": KEY, "refresh": 5}, "refresh must be Callable or None"),
]


@pytest.mark.parametrize(("make", "settings", "words"), BROKEN)
def test_it_is_refused_where_it_is_given(make: Callable[..., object], settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words) as caught:
        make(**settings)
    assert isinstance(caught.value, ValueError)


def test_no_value_of_a_key_or_a_header_is_shown() -> None:
    for make, settings in ((plangrep, {"headers": {"X-Token": "qwzxé"}}), (plangrep, {"api_key": b"qwzx"})):
        with pytest.raises(InvalidInputError) as caught:
            make(**settings)
        assert "qwzx" not in str(caught.value)


async def test_what_can_work_is_taken() -> None:
    for client in (
        plangrep(retry=RetryPolicy(max_attempts=1), rate_limits=[RateLimit(40, 1)], headers={"X-Tenant": "a b"}),
        plangrid(limits=iter([RateLimit(40, 1)]), timeouts=Timeouts(read=math.inf), proxy="http://user:pw@[::1]:3128"),
        plangrep(ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), base_url="https://[2001:db8::1]:8443/base/"),
    ):
        await client.aclose()
