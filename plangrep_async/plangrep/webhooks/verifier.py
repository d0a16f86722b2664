"""Checks the signature of a webhook, by a scheme that the user sets."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import Literal

from attrs import field, frozen

from ..._checks import check_number
from ..._clock import Clock, SystemClock
from ...errors import ConfigurationError, WebhookSignatureError
from ...session.secret import Secret

__all__ = ["WebhookVerifier"]

_FIELD = re.compile(r"\{([^{}]*)\}")
_MILLISECONDS_FROM = 1e11  # as seconds, the year 5138


def _decode_base64(text: str) -> bytes:
    text = text.translate(str.maketrans("-_", "+/")).rstrip("=")
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


_DECODERS: Mapping[str, Callable[[str], bytes]] = {
    "hex": bytes.fromhex,
    "base64": _decode_base64,
    "utf-8": str.encode,
}


@frozen(kw_only=True)
class WebhookVerifier:
    """An HMAC over the body, and whatever else the sender signs.

    **The Plangrep documentation says that webhooks are signed with the job's ``webhookSigningSecret``, and not how.**
    So there is no default: look at a webhook that you received, or ask the service, and set what it does. Common
    schemes::

        WebhookVerifier(header="X-Hub-Signature-256", prefix="sha256=")                          # as GitHub
        WebhookVerifier(header="Stripe-Signature", prefix="v1=", timestamp_prefix="t=",
                        payload="{timestamp}.{body}")                                            # as Stripe
        WebhookVerifier(header="webhook-signature", prefix="v1,", encoding="base64", separator=" ",
                        timestamp_header="webhook-timestamp", payload="{webhook-id}.{timestamp}.{body}",
                        secret_prefix="whsec_", secret_encoding="base64")                        # Standard Webhooks

    Attributes:
        header: the one with the signature, or with several.
        algorithm: any of :mod:`hashlib`.
        encoding: of the signature: ``"hex"`` or ``"base64"`` (also in its URL-safe alphabet).
        prefix: what stands before a signature; pieces of the header without it are not looked at.
        separator: between the pieces of the header.
        payload: what is signed: ``{body}``, ``{timestamp}``, and any other header by its name.
        timestamp_header: the one with the time of sending, in seconds or milliseconds since 1970.
        timestamp_prefix: instead, what stands before the time among the pieces of ``header``.
        tolerance: seconds that the time may differ from this machine's, so that an old webhook cannot be sent again.
        secret_prefix: removed from the secret before use, for example ``"wss_"``.
        secret_encoding: how the secret's bytes are written.
        clock: for tests.

    Raises:
        ConfigurationError: settings that cannot work.
    """

    header: str
    algorithm: str = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    separator: str = ","
    payload: str = "{body}"
    timestamp_header: str | None = None
    timestamp_prefix: str | None = None
    tolerance: float = 300.0
    secret_prefix: str = ""
    secret_encoding: Literal["utf-8", "hex", "base64"] = "utf-8"  # noqa: S105 - no secret
    clock: Clock = field(factory=SystemClock, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.algorithm not in hashlib.algorithms_available:
            raise ConfigurationError(f"algorithm: hashlib does not know {self.algorithm!r}")
        if self.encoding not in ("hex", "base64") or self.secret_encoding not in _DECODERS:
            raise ConfigurationError('encoding is "hex" or "base64", secret_encoding one of these or "utf-8"')
        if "{body}" not in self.payload:
            raise ConfigurationError(
                "payload must hold {body}: a signature that does not cover the body proves nothing"
            )
        has_time = self.timestamp_header is not None or self.timestamp_prefix is not None
        if has_time != ("{timestamp}" in self.payload):
            raise ConfigurationError(
                "a time that is not signed proves nothing: give {timestamp} in payload together with timestamp_header "
                "or timestamp_prefix, or none of them"
            )
        check_number("tolerance", self.tolerance, above=0)

    def verify(self, secret: Secret | str, headers: Mapping[str, str], body: bytes) -> None:
        """Return if the webhook is signed with the secret. Compares in constant time.

        Args:
            secret: the job's ``webhook_signing_secret``.
            headers: of the request; names in any case.
            body: of the request, exactly as it came: not decoded and encoded again.

        Raises:
            WebhookSignatureError: a signature or time is missing, wrong, or too old.
            ConfigurationError: the secret is not written in ``secret_encoding``.
        """
        found = {name.lower(): value for name, value in headers.items()}
        pieces = [piece.strip() for piece in found.get(self.header.lower(), "").split(self.separator)]
        given = [
            _decoded(piece.removeprefix(self.prefix), self.encoding)
            for piece in pieces
            if piece.startswith(self.prefix)
        ]
        signatures = [signature for signature in given if signature]
        if not signatures:
            raise WebhookSignatureError(f"the webhook has no readable signature in its {self.header} header")
        timestamp = self._timestamp(found, pieces)
        expected = hmac.new(self._key(secret), self._signed(found, timestamp, body), self.algorithm).digest()
        # All are compared, so that the time taken does not tell which one fits.
        fits = [hmac.compare_digest(expected, signature) for signature in signatures]
        if not any(fits):
            raise WebhookSignatureError("the webhook's signature does not fit its content")
        if timestamp is not None:
            self._check_time(timestamp)

    def _key(self, secret: Secret | str) -> bytes:
        text = Secret(secret).reveal().removeprefix(self.secret_prefix)
        try:
            return _DECODERS[self.secret_encoding](text)
        except (ValueError, binascii.Error):
            raise ConfigurationError(f"the signing secret is not written in {self.secret_encoding}") from None

    def _timestamp(self, headers: Mapping[str, str], pieces: list[str]) -> str | None:
        if self.timestamp_header is not None:
            value = headers.get(self.timestamp_header.lower(), "").strip()
        elif self.timestamp_prefix is not None:
            prefix = self.timestamp_prefix
            value = next((piece.removeprefix(prefix) for piece in pieces if piece.startswith(prefix)), "")
        else:
            return None
        if not value:
            raise WebhookSignatureError("the webhook does not say when it was sent")
        return value

    def _signed(self, headers: Mapping[str, str], timestamp: str | None, body: bytes) -> bytes:
        parts: list[bytes] = []
        for index, text in enumerate(_FIELD.split(self.payload)):
            if index % 2 == 0:
                parts.append(text.encode())
            elif text == "body":
                parts.append(body)
            elif text == "timestamp":
                parts.append((timestamp or "").encode())
            elif text.lower() in headers:
                parts.append(headers[text.lower()].encode())
            else:
                raise WebhookSignatureError(f"the webhook has no {text} header, which its signature covers")
        return b"".join(parts)

    def _check_time(self, timestamp: str) -> None:
        try:
            sent = float(timestamp)
        except ValueError:
            raise WebhookSignatureError("the webhook's time is no number of seconds since 1970") from None
        if sent > _MILLISECONDS_FROM:
            sent /= 1000
        if not abs(self.clock.time() - sent) <= self.tolerance:
            raise WebhookSignatureError(
                f"the webhook's time is more than {self.tolerance:g} s away from this machine's; it may be an old one"
            )


def _decoded(text: str, encoding: str) -> bytes | None:
    try:
        return _DECODERS[encoding](text)
    except (ValueError, binascii.Error):
        return None
