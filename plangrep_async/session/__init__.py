"""One call's life: from a :class:`Call` to its decoded answer or a typed error."""

from .call import NOT_GIVEN, Answer, Call, CallOptions, NotGiven, Sender, path_of, query_of
from .credentials import BasicCredentials, BearerCredentials, Credentials
from .deadline import Deadline
from .failure import ErrorDetail, ErrorReader, read_error
from .hooks import Hooks, RequestEvent, ResponseEvent, RetryEvent
from .origin import Origin, check_base_url
from .redaction import redact_text, redact_url
from .retry import RETRYABLE_STATUSES, Decision, Outcome, Verdict, backoff, decide, parse_retry_after
from .scoped import ScopedSender
from .secret import Secret
from .session import DEFAULT_DEADLINE, Session
from .slots import SlotStatistics, SlotTransport
from .stream import StreamedAnswer

__all__ = [
    "DEFAULT_DEADLINE",
    "NOT_GIVEN",
    "RETRYABLE_STATUSES",
    "Answer",
    "BasicCredentials",
    "BearerCredentials",
    "Call",
    "CallOptions",
    "Credentials",
    "Deadline",
    "Decision",
    "ErrorDetail",
    "ErrorReader",
    "Hooks",
    "NotGiven",
    "Origin",
    "Outcome",
    "RequestEvent",
    "ResponseEvent",
    "RetryEvent",
    "ScopedSender",
    "Secret",
    "Sender",
    "Session",
    "SlotStatistics",
    "SlotTransport",
    "StreamedAnswer",
    "Verdict",
    "backoff",
    "check_base_url",
    "decide",
    "parse_retry_after",
    "path_of",
    "query_of",
    "read_error",
    "redact_text",
    "redact_url",
]
