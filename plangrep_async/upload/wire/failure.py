"""From what went wrong on the wire to the error that says so."""

from __future__ import annotations

import ssl

from ...errors import PlangrepAsyncError, TransferConnectionError, UploadError

__all__ = ["annotate", "explain"]


def explain(error: Exception, *, host: str, reused: bool, unanswered: bool) -> TransferConnectionError:
    """The error for a connection that could not be made (``unanswered`` without an exchange) or broke."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return TransferConnectionError(f"the certificate of {host} is not trusted: {error.verify_message}")
    stale = reused and unanswered
    detail = str(error) or type(error).__name__
    text = f"the connection to {host} failed: {detail}"
    if stale:
        text += " (it had been idle; the server may have closed it at that moment)"
    return TransferConnectionError(text, reused=stale)


def annotate(error: PlangrepAsyncError, *, method: str, url: str, sent: int, nothing_sent: bool) -> None:
    """Write down what is known of the request, where the error does not say it yet."""
    error.method = error.method or method
    error.url = error.url or url
    if isinstance(error, UploadError) and error.bytes_sent is None:
        error.bytes_sent = sent
    if isinstance(error, TransferConnectionError):
        error.nothing_sent = nothing_sent
