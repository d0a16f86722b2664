"""POST policies of S3: signing a browser-style upload form, and judging one that came in.

Pure functions; both signatures that PlanGrid has used are here. Sources: AWS, "Browser-Based Uploads Using POST" (the
pages on Signature Version 4 and on the older Version 2), "POST Object" and "Error Responses". Where AWS leaves an
error's exact words open, S3's well-known ones stand here; clients must branch on the code.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from .storage.backend import S3Credentials
from .storage.errors import S3Error
from .storage.form import PostGrant

__all__ = ["SignatureVersion", "sign_post", "verify_post"]

SignatureVersion = Literal[2, 4]

_ALGORITHM = "AWS4-HMAC-SHA256"
_UNCONDITIONAL = frozenset({"awsaccesskeyid", "signature", "x-amz-signature", "policy", "file"})
_STATUSES = {"200": 200, "201": 201, "204": 204}


def sign_post(
    fields: Sequence[tuple[str, str]],
    *,
    bucket: str,
    credentials: S3Credentials,
    now: float,
    expires: float,
    version: SignatureVersion = 4,
    conditions: Sequence[Any] = (),
) -> list[tuple[str, str]]:
    """The fields of a signed form, in the order to be sent; the client adds the file as the last part.

    Args:
        fields: what the client must send unchanged; each becomes a condition of the policy. The first one (``key``)
            stays first, and those before ``Content-Type`` come before the policy, as in PlanGrid's examples.
        now: the moment of signing, seconds since 1970.
        expires: when the policy runs out, seconds since 1970.
        conditions: further ones, for example ``["content-length-range", 0, 1000]``.
    """
    scope = f"{time.strftime('%Y%m%d', time.gmtime(now))}/{credentials.region}/s3/aws4_request"
    if version == 2:
        identity = [("AWSAccessKeyId", credentials.access_key)]
        signed = list(fields)
    else:
        identity = [
            ("x-amz-algorithm", _ALGORITHM),
            ("x-amz-credential", f"{credentials.access_key}/{scope}"),
            ("x-amz-date", time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))),
        ]
        signed = [*fields, *identity]
    document = {
        "expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires)),
        "conditions": [{"bucket": bucket}, *({name: value} for name, value in signed), *conditions],
    }
    policy = base64.b64encode(json.dumps(document).encode()).decode()
    if version == 2:
        proof = ("signature", _signature_v2(policy, credentials.secret_key))
    else:
        proof = ("x-amz-signature", _signature_v4(policy, credentials.secret_key, scope))
    cut = next((i for i, (name, _) in enumerate(fields) if name.lower() == "content-type"), len(fields))
    return [fields[0], *identity, *fields[1:cut], ("policy", policy), proof, *fields[cut:]]


def verify_post(fields: Mapping[str, str], *, bucket: str, now: float, credentials: S3Credentials) -> PostGrant:
    """What a POST form may store, from the fields that came before the file.

    The file's size is not known yet: the grant carries the range to hold it against.

    Args:
        fields: names in lower case, in the order they came; ``${filename}`` already replaced.
        now: seconds since 1970 by the storage's clock.
        credentials: the only key pair that signs here.

    Raises:
        S3Error: ``InvalidArgument``, ``InvalidAccessKeyId``, ``SignatureDoesNotMatch``, ``InvalidPolicyDocument``, or
            ``AccessDenied`` (no policy, policy expired, a condition failed, a field that no condition names).
    """
    if "key" not in fields:
        raise _argument("key", "", "Bucket POST must contain a field named 'key'. Check the order of the fields.")
    if "policy" not in fields:
        raise S3Error("AccessDenied", "Access Denied")
    policy = fields["policy"]
    _check_signature(fields, policy, credentials)
    expiration, conditions = _parse(policy)
    if now >= expiration:
        raise _denied("Policy expired.")
    minimum, maximum = _check_conditions(fields, bucket, conditions)
    return PostGrant(
        key=fields["key"],
        content_type=fields.get("content-type"),
        minimum=minimum,
        maximum=maximum,
        redirect=fields.get("success_action_redirect") or fields.get("redirect"),
        status=_STATUSES.get(fields.get("success_action_status", ""), 204),
        checksum_sha256=fields.get("x-amz-checksum-sha256"),
        metadata={name: value for name, value in fields.items() if name.startswith("x-amz-meta-")},
    )


def _check_signature(fields: Mapping[str, str], policy: str, credentials: S3Credentials) -> None:
    if "x-amz-signature" in fields or "x-amz-credential" in fields:
        for name in ("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"):
            _require(fields, name)
        if fields["x-amz-algorithm"] != _ALGORITHM:
            raise _argument("x-amz-algorithm", fields["x-amz-algorithm"], "Unsupported signing algorithm.")
        access_key, _, scope = fields["x-amz-credential"].partition("/")
        expected_scope = f"{fields['x-amz-date'][:8]}/{credentials.region}/s3/aws4_request"
        if scope != expected_scope:
            raise _argument(
                "x-amz-credential", fields["x-amz-credential"], f"The credential's scope must be '{expected_scope}'."
            )
        given, expected = fields["x-amz-signature"], _signature_v4(policy, credentials.secret_key, scope)
    else:
        for name in ("awsaccesskeyid", "signature"):
            _require(fields, name)
        access_key = fields["awsaccesskeyid"]
        given, expected = fields["signature"], _signature_v2(policy, credentials.secret_key)
    if access_key != credentials.access_key:
        raise S3Error("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise S3Error(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. "
            "Check your key and signing method.",
        )


def _check_conditions(fields: Mapping[str, str], bucket: str, conditions: Sequence[Any]) -> tuple[int, int | None]:
    """Hold the fields against the policy; the range that is left for the file's size."""
    minimum: int = 0
    maximum: int | None = None
    named: set[str] = set()
    for condition in conditions:
        kind, name, value = _normal(condition)
        if kind == "content-length-range":
            minimum, maximum = _number(name), _number(value)
            continue
        named.add(name)
        actual = bucket if name == "bucket" else fields.get(name)
        if not (actual == value if kind == "eq" else _starts_with(name, actual or "", str(value))):
            raise _denied(f"Policy Condition failed: {json.dumps([kind, '$' + name, value])}")
    if "bucket" not in named:
        raise _denied("Policy Condition failed: the policy names no bucket.")
    extra = [name for name in fields if name not in named and not _exempt(name)]
    if extra:
        raise _denied(f"Extra input fields: {', '.join(extra)}")
    return minimum, maximum


def _require(fields: Mapping[str, str], name: str) -> None:
    if name not in fields:
        raise _argument(name, "", f"Bucket POST must contain a field named '{name}'.")


def _parse(policy: str) -> tuple[float, list[Any]]:
    try:
        document = json.loads(base64.b64decode(policy, validate=True))
        expiration = datetime.fromisoformat(document["expiration"].replace("Z", "+00:00"))
        conditions = document["conditions"]
        if not isinstance(conditions, list):
            raise TypeError("conditions")
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise _malformed("Invalid JSON.") from error
    if expiration.tzinfo is None:
        expiration = expiration.replace(tzinfo=UTC)
    return expiration.timestamp(), conditions


def _normal(condition: Any) -> tuple[str, Any, Any]:
    """(kind, field in lower case, value), or for a range (kind, minimum, maximum)."""
    if isinstance(condition, dict) and len(condition) == 1:
        name, value = next(iter(condition.items()))
        return "eq", str(name).lower(), value
    if isinstance(condition, list) and len(condition) == 3:
        kind, name, value = condition
        if kind == "content-length-range":
            return kind, name, value
        if kind in ("eq", "starts-with") and isinstance(name, str) and name.startswith("$"):
            return kind, name[1:].lower(), value
    raise _malformed("Invalid Condition.")


def _starts_with(name: str, actual: str, prefix: str) -> bool:
    if name == "content-type":  # a list of types must match one by one
        return all(part.strip().startswith(prefix) for part in actual.split(","))
    return actual.startswith(prefix)


def _exempt(name: str) -> bool:
    return name in _UNCONDITIONAL or name.startswith("x-ignore-")


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise _malformed("Invalid content-length-range.") from error


def _malformed(reason: str) -> S3Error:
    return S3Error("InvalidPolicyDocument", f"Invalid Policy: {reason}")


def _denied(reason: str) -> S3Error:
    return S3Error("AccessDenied", f"Invalid according to Policy: {reason}")


def _argument(name: str, value: str, message: str) -> S3Error:
    return S3Error("InvalidArgument", message, {"ArgumentName": name, "ArgumentValue": value})


def _signature_v2(policy: str, secret: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), policy.encode(), hashlib.sha1).digest()).decode()


def _signature_v4(policy: str, secret: str, scope: str) -> str:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, policy.encode(), hashlib.sha256).hexdigest()
