"""AWS Signature Version 4 in the query ("presigned URLs"): signing and verifying, without I/O.

Rules: Amazon S3 API reference, "Authenticating requests: using query parameters".
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from .backend import S3Credentials
from .errors import S3Error

__all__ = ["expiry_of", "presign", "signing_key", "verify"]

ALGORITHM = "AWS4-HMAC-SHA256"
LONGEST = 7 * 86400
SKEW = 15 * 60

Query = list[tuple[str, str]]


def signing_key(credentials: S3Credentials, day: str) -> bytes:
    """The key of one day (``20240131``), region and service."""
    key = b"AWS4" + credentials.secret_key.encode()
    for part in (day, credentials.region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def presign(
    credentials: S3Credentials,
    method: str,
    url: str,
    *,
    now: float,
    lifetime: float,
    headers: Mapping[str, str] | None = None,
    query: Iterable[tuple[str, str]] = (),
) -> str:
    """``url`` with a query that allows ``method`` until ``now + lifetime``.

    Args:
        url: scheme, host and percent-encoded path; no query.
        headers: must come with the request, with these values; ``host`` is always signed.
        query: further parameters, such as ``partNumber``.
    """
    parts = urlsplit(url)
    moment = datetime.fromtimestamp(now, UTC)
    stamp, day = moment.strftime("%Y%m%dT%H%M%SZ"), moment.strftime("%Y%m%d")
    signed = {"host": parts.netloc, **{name.lower(): value for name, value in (headers or {}).items()}}
    items: Query = [
        *query,
        ("X-Amz-Algorithm", ALGORITHM),
        ("X-Amz-Credential", f"{credentials.access_key}/{_scope(credentials, day)}"),
        ("X-Amz-Date", stamp),
        ("X-Amz-Expires", str(max(1, int(lifetime)))),
        ("X-Amz-SignedHeaders", ";".join(sorted(signed))),
    ]
    signature = _signature(credentials, method, parts.path or "/", items, signed, stamp, day)
    return f"{parts.scheme}://{parts.netloc}{parts.path}?{_canonical_query(items)}&X-Amz-Signature={signature}"


def expiry_of(query: Mapping[str, str]) -> float:
    """When a presigned URL ends, by its own query. Raises S3Error for a malformed one."""
    try:
        begin = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        return begin + int(query["X-Amz-Expires"])
    except (KeyError, ValueError) as error:
        raise _malformed("X-Amz-Date and X-Amz-Expires are required and must be valid.") from error


def verify(
    credentials: S3Credentials, method: str, path: str, query: Query, headers: Mapping[str, str], *, now: float
) -> None:
    """Check a presigned request.

    Args:
        path: percent-encoded, as it came.
        query: decoded parameters, in any order.
        headers: lower-case names; values as HTTP libraries give them, in Latin-1.

    Raises:
        S3Error: AccessDenied (no signature, expired, unsigned ``x-amz-`` headers), AuthorizationQueryParametersError,
            InvalidAccessKeyId, SignatureDoesNotMatch.
    """
    fields = dict(query)
    given = fields.get("X-Amz-Signature")
    if given is None:
        raise S3Error("AccessDenied", "Access Denied")
    if fields.get("X-Amz-Algorithm") != ALGORITHM:
        raise _malformed(f'X-Amz-Algorithm only supports "{ALGORITHM}"')
    access_key, _, scope = fields.get("X-Amz-Credential", "").partition("/")
    stamp = fields.get("X-Amz-Date", "")
    day = stamp[:8]
    if access_key != credentials.access_key:
        raise S3Error("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
    if scope != _scope(credentials, day):
        raise _malformed("Error parsing the X-Amz-Credential parameter; the scope does not fit the date or region.")
    expires = expiry_of(fields)
    lifetime = int(fields["X-Amz-Expires"])
    if not 1 <= lifetime <= LONGEST:
        raise _malformed("X-Amz-Expires must be between 1 and 604800 seconds")
    if expires - lifetime > now + SKEW:
        raise S3Error("AccessDenied", "Request is not valid yet")
    if now > expires:
        extra = {"X-Amz-Expires": str(lifetime), "Expires": _iso(expires), "ServerTime": _iso(now)}
        raise S3Error("AccessDenied", "Request has expired", extra)
    names = fields.get("X-Amz-SignedHeaders", "").split(";")
    if "host" not in names:
        raise _malformed("The host header must be signed.")
    unsigned = sorted(name for name in headers if name.startswith("x-amz-") and name not in names)
    if unsigned:
        raise S3Error(
            "AccessDenied",
            "There were headers present in the request which were not signed",
            {"HeadersNotSigned": ", ".join(unsigned)},
        )
    signed = {name: headers.get(name, "").encode("latin-1").decode("utf-8", "surrogateescape") for name in names}
    rest = [(name, value) for name, value in query if name != "X-Amz-Signature"]
    expected = _signature(credentials, method, path, rest, signed, stamp, day)
    if not hmac.compare_digest(expected, given):
        missing = [name for name in names if name not in headers]
        extra = {"StringToSignHeaders": ";".join(names)} | ({"MissingHeaders": ";".join(missing)} if missing else {})
        raise S3Error(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. "
            "Check your key and signing method.",
            extra,
        )


def _scope(credentials: S3Credentials, day: str) -> str:
    return f"{day}/{credentials.region}/s3/aws4_request"


def _signature(
    credentials: S3Credentials, method: str, path: str, query: Query, signed: Mapping[str, str], stamp: str, day: str
) -> str:
    names = sorted(signed)
    lines = [
        method,
        path,
        _canonical_query(query),
        *(f"{name}:{' '.join(signed[name].split())}" for name in names),
        "",
        ";".join(names),
        "UNSIGNED-PAYLOAD",
    ]
    digest = hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
    text = "\n".join((ALGORITHM, stamp, _scope(credentials, day), digest))
    return hmac.new(signing_key(credentials, day), text.encode(), "sha256").hexdigest()


def _canonical_query(items: Query) -> str:
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in items)
    return "&".join(f"{name}={value}" for name, value in pairs)


def _malformed(message: str) -> S3Error:
    return S3Error("AuthorizationQueryParametersError", message)


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
