"""Signature Version 4: presigned URLs and POST policies. Pure functions of their arguments.

Sources: Amazon S3 API Reference, "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)" and
"Browser-Based Uploads Using POST (AWS Signature Version 4)".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from attrs import field, frozen

from ..errors import InvalidInputError

__all__ = ["S3Credentials", "S3Signer"]

#: Seconds. [Amazon S3 API Reference: Authenticating Requests: Using Query Parameters, X-Amz-Expires]
MAX_EXPIRES = 7 * 24 * 3600


@frozen
class S3Credentials:
    """An access key; shown nowhere but its id."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


def _without_slash(url: str) -> str:
    return url.rstrip("/")


@frozen
class S3Signer:
    """Signs for one bucket, addressed as ``endpoint/bucket/key``.

    Attributes:
        endpoint: scheme, host and port, for example ``https://s3.eu-central-1.amazonaws.com``.
        bucket: its name.
        credentials: an access key.
        region: as the storage service calls it.
    """

    endpoint: str = field(converter=_without_slash)
    bucket: str
    credentials: S3Credentials
    region: str = "us-east-1"

    def url(self, key: str) -> str:
        """The object's address, unsigned."""
        return f"{self.endpoint}{self._path(key)}"

    def presign(
        self,
        method: str,
        key: str,
        *,
        now: float,
        expires: int = 3600,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """A URL that allows ``method`` on the object.

        Args:
            method: for example ``"PUT"``.
            key: the object's key.
            now: seconds since 1970.
            expires: seconds that it is good for, 1 to 604,800.
            query: further parameters, for example ``partNumber`` and ``uploadId``.
            headers: what must be sent with the request, as it stands here; the storage service checks it.

        Raises:
            InvalidInputError: ``expires`` is out of range, or a header has characters outside ASCII (which of their
                bytes a server signs is nowhere said).
        """
        if not 1 <= expires <= MAX_EXPIRES:
            raise InvalidInputError(f"presign(expires=): {expires} is not within 1 to {MAX_EXPIRES} seconds")
        for name, value in (headers or {}).items():
            if not value.isascii():
                raise InvalidInputError(
                    f"presign(headers=): {name!r} has characters outside ASCII, which S3 does not sign reliably: "
                    "percent-encode them"
                )
        when = _stamp(now)
        signed = {"host": urlsplit(self.endpoint).netloc, **{k.lower(): _trim(v) for k, v in (headers or {}).items()}}
        names = ";".join(sorted(signed))
        parameters = {
            **(query or {}),
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{self.credentials.access_key}/{self._scope(when)}",
            "X-Amz-Date": when,
            "X-Amz-Expires": str(expires),
            "X-Amz-SignedHeaders": names,
        }
        if self.credentials.session_token is not None:
            parameters["X-Amz-Security-Token"] = self.credentials.session_token
        encoded = "&".join(f"{_encode(name)}={_encode(value)}" for name, value in sorted(parameters.items()))
        lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
        canonical = "\n".join([method, self._path(key), encoded, lines, names, "UNSIGNED-PAYLOAD"])
        to_sign = "\n".join(
            ["AWS4-HMAC-SHA256", when, self._scope(when), hashlib.sha256(canonical.encode()).hexdigest()]
        )
        return f"{self.url(key)}?{encoded}&X-Amz-Signature={self._sign(when, to_sign)}"

    def post_form(
        self,
        key: str,
        *,
        now: float,
        expires: int = 3600,
        fields: Mapping[str, str] | None = None,
        conditions: Sequence[Any] = (),
    ) -> tuple[str, tuple[tuple[str, str], ...]]:
        """The URL and the fields of a POST form.

        Args:
            key: the object's key.
            now: seconds since 1970.
            expires: seconds.
            fields: further form fields, for example ``Content-Type``; each becomes a condition, too.
            conditions: further conditions, for example ``["content-length-range", 1, 1000]``.
        """
        when = _stamp(now)
        values = {
            "key": key,
            **(fields or {}),
            "x-amz-algorithm": "AWS4-HMAC-SHA256",
            "x-amz-credential": f"{self.credentials.access_key}/{self._scope(when)}",
            "x-amz-date": when,
        }
        if self.credentials.session_token is not None:
            values["x-amz-security-token"] = self.credentials.session_token
        until = datetime.fromtimestamp(now + expires, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        rules: list[Any] = [{"bucket": self.bucket}, *({name: value} for name, value in values.items()), *conditions]
        policy = base64.b64encode(json.dumps({"expiration": until, "conditions": rules}).encode()).decode("ascii")
        signature = self._sign(when, policy)
        return (
            f"{self.endpoint}/{_encode(self.bucket)}",
            (*values.items(), ("policy", policy), ("x-amz-signature", signature)),
        )

    def _path(self, key: str) -> str:
        return f"/{_encode(self.bucket)}/{quote(key, safe='/-_.~')}"

    def _scope(self, when: str) -> str:
        return f"{when[:8]}/{self.region}/s3/aws4_request"

    def _sign(self, when: str, text: str) -> str:
        secret = f"AWS4{self.credentials.secret_key}".encode()
        for piece in (when[:8], self.region, "s3", "aws4_request"):
            secret = hmac.digest(secret, piece.encode(), "sha256")
        return hmac.digest(secret, text.encode(), "sha256").hex()


def _stamp(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")


def _trim(value: str) -> str:
    """As servers do before they compare. [AWS IAM User Guide: Create a signed AWS API request, canonical headers]"""
    return re.sub(r"[ \t]+", " ", value).strip()


def _encode(text: str) -> str:
    return quote(text, safe="-_.~")
