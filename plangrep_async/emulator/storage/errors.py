"""S3's errors: an HTTP status and an XML body."""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import escape

from starlette.responses import Response

from ..faults import Fault, When
from ..refusal import Refusal

__all__ = ["S3Error", "s3_fault"]

STATUS: Mapping[str, int] = {
    "AccessDenied": 403,
    "AuthorizationQueryParametersError": 400,
    "BadDigest": 400,
    "EntityTooLarge": 400,
    "EntityTooSmall": 400,
    "ExpiredToken": 400,
    "IncompleteBody": 400,
    "InternalError": 500,
    "InvalidAccessKeyId": 403,
    "InvalidArgument": 400,
    "InvalidDigest": 400,
    "InvalidPart": 400,
    "InvalidPartOrder": 400,
    "InvalidPolicyDocument": 400,
    "InvalidRange": 416,
    "InvalidRequest": 400,
    "MalformedPOSTRequest": 400,
    "MalformedXML": 400,
    "MaxPostPreDataLengthExceeded": 400,
    "MethodNotAllowed": 405,
    "MissingContentLength": 411,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchUpload": 404,
    "NotImplemented": 501,
    "PreconditionFailed": 412,
    "RequestTimeout": 400,
    "RequestTimeTooSkewed": 403,
    "ServiceUnavailable": 503,
    "SignatureDoesNotMatch": 403,
    "SlowDown": 503,
    "XAmzContentChecksumMismatch": 400,
    "XAmzContentSHA256Mismatch": 400,
}


class S3Error(Refusal):
    """An S3 error.

    Args:
        code: S3's, such as ``SignatureDoesNotMatch``; gives the status, 400 for an unknown one.
        message: for people.
        extra: further XML elements.
    """

    def __init__(self, code: str, message: str, extra: Mapping[str, str] | None = None) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.extra = dict(extra or {})
        self.status = STATUS.get(code, 400)

    def body(self) -> bytes:
        """The XML."""
        fields = {
            "Code": self.code,
            "Message": self.message,
            **self.extra,
            "RequestId": "EMULATED",
            "HostId": "emulator",
        }
        inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'.encode()

    def response(self) -> Response:
        return Response(self.body(), self.status, media_type="application/xml")


def s3_fault(code: str, message: str = "Injected by a fault rule.", *, when: When = "before") -> Fault:
    """A fault that answers as S3 does: ``SlowDown``, ``InternalError``, ``AccessDenied``, ``RequestTimeout``, …"""
    error = S3Error(code, message)
    return Fault.answer(error.status, error.body(), {"Content-Type": "application/xml"}, when=when)
