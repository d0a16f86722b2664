"""From what went wrong on the wire to the error that says so."""

from __future__ import annotations

import ssl
from typing import TypeVar

from ...errors import PlangrepAsyncError, TransferConnectionError, UploadError
from .exchange import Exchange
from .proxy import Proxy
from .request import WireRequest
from .url import Origin, redacted

__all__ = ["annotate", "explain"]

E = TypeVar("E", bound=PlangrepAsyncError)


def explain(
    error: Exception, origin: Origin, proxy: Proxy | None, exchange: Exchange | None, *, reused: bool
) -> TransferConnectionError:
    """The error for a connection that could not be made (then there is no ``exchange``) or broke."""
    host = origin.authority if proxy is None else f"{origin.authority} through the proxy {proxy.host}:{proxy.port}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return TransferConnectionError(f"the certificate of {host} is not trusted: {error.verify_message}")
    stale = reused and exchange is not None and exchange.unanswered
    text = f"the connection to {host} failed: {str(error) or type(error).__name__}"
    if stale:
        text += " (it had been idle; the server may have closed it at that moment)"
    return TransferConnectionError(text, reused=stale)


def annotate(error: E, request: WireRequest, exchange: Exchange | None) -> E:
    """Write down what is known of the request, where the error does not say it yet."""
    error.method = error.method or request.method
    error.url = error.url or redacted(request.url)
    if isinstance(error, UploadError) and error.bytes_sent is None:
        error.bytes_sent = exchange.sent if exchange else 0
    if isinstance(error, TransferConnectionError):
        error.nothing_sent = exchange is None or exchange.nothing_sent
    return error
