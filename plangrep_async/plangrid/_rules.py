"""Documented limits, checked before a byte is sent. Each function gives back what is to be sent.

They take anything: not every caller has a type checker, and the service's own refusal would come late.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from decimal import Context, Decimal
from typing import Any, cast

from ..errors import InvalidInputError
from ..session.call import NotGiven

__all__ = [
    "ANSWER_LENGTH",
    "BATCH_SIZE",
    "PAGE_SIZE",
    "TITLE_LENGTH",
    "check_flag",
    "check_integer",
    "check_json",
    "check_method",
    "check_money",
    "check_path",
    "check_text",
    "check_uid",
    "check_uids",
    "given",
    "needs_a_field",
]

PAGE_SIZE = 50
"""Records a page, at most ("Pagination")."""
BATCH_SIZE = 50
"""Requests in a batch, at most ("Send Batch Request")."""
TITLE_LENGTH = 200
"""Characters of an RFI's title ("The RFI Object")."""
ANSWER_LENGTH = 10_000
"""Characters of an RFI's question and of its answer ("The RFI Object")."""
_METHOD = re.compile(r"[A-Z]+")
_PATH = re.compile(r"[!-~]+")
_EXACT = Context(prec=1000, traps=[])  # so that normalizing rounds nothing


def given(**fields: Any) -> dict[str, Any]:
    """The fields that were given; ``None`` is one that was, and is sent as null."""
    return {name: value for name, value in fields.items() if not isinstance(value, NotGiven)}


def needs_a_field(body: dict[str, Any], what: str) -> dict[str, Any]:
    """``body``, unless it is empty: the service refuses a body without a field ("Create RFI in a Project")."""
    if not body:
        raise InvalidInputError(f"{what}: no field was given; give at least one")
    return body


def check_uid(value: object, name: str) -> str:
    """A uid is any non-empty string; what it looks like is nobody's business ("Unique Identifiers")."""
    if not isinstance(value, str):
        raise InvalidInputError(f"{name}: {value!r} is no string; give a uid")
    if not value or value in (".", ".."):
        raise InvalidInputError(f"{name}: {value!r} is no uid")
    return _writable(value, name)


def check_uids(values: object, name: str, *, at_least: int = 0) -> list[str]:
    """A list of uids; a lone string, which is a sequence too, is refused."""
    if isinstance(values, str | bytes) or not isinstance(values, Collection):
        raise InvalidInputError(f"{name}: {values!r} is no list; give a list of uids")
    uids = [check_uid(value, f"{name}[{index}]") for index, value in enumerate(cast("Collection[object]", values))]
    if len(uids) < at_least:
        raise InvalidInputError(f"{name}: give at least {at_least}")
    return uids


def check_text(value: object, name: str, *, at_least: int = 1, at_most: int | None = None) -> str:
    """A string of at least one character, and of no more than the documentation allows."""
    if not isinstance(value, str):
        raise InvalidInputError(f"{name}: {value!r} is no string")
    if len(value) < at_least:
        raise InvalidInputError(f"{name}: the text is empty; give at least one character")
    if at_most is not None and len(value) > at_most:
        raise InvalidInputError(f"{name}: {len(value):,} characters, and {at_most:,} are allowed; shorten it")
    return _writable(value, name)


def _writable(value: str, name: str) -> str:
    """Names of files that are no UTF-8 hold lone surrogates, which nothing can be sent as."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            f"{name}: the character {value[error.start]!r} at {error.start} is half a character and cannot be sent; "
            "replace it"
        ) from None
    return value


def check_flag(value: object, name: str) -> bool:
    """True or false, nothing that merely counts as such."""
    if not isinstance(value, bool):
        raise InvalidInputError(f"{name}: {value!r} is neither True nor False")
    return value


def check_integer(value: object, name: str, *, at_least: int, at_most: int | None = None) -> int:
    """A whole number between bounds, both included."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInputError(f"{name}: {value!r} is no whole number")
    if value < at_least or (at_most is not None and value > at_most):
        upper = "" if at_most is None else f" and at most {at_most}"
        # Python does not write the digits of huge numbers.
        shown = str(value) if abs(value) < 10**30 else "the number"
        raise InvalidInputError(f"{name}: {shown} must be at least {at_least}{upper}")
    return value


def check_money(value: object, name: str) -> int | float:
    """An amount, exact to a hundredth of a cent ("The Issue Object"), as a number that JSON writes exactly.

    A float of at most 15 digits is written with exactly these digits, so none is lost on the way.
    """
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        raise InvalidInputError(
            f"{name}: {value!r} is neither a Decimal nor an int; Decimal('25850.10') keeps its digits"
        )
    amount = Decimal(value)
    if not amount.is_finite():
        raise InvalidInputError(f"{name}: {value} is no amount")
    _, digits, exponent = amount.normalize(_EXACT).as_tuple()
    if not isinstance(exponent, int) or exponent < -4:
        raise InvalidInputError(f"{name}: {value} has more than 4 decimal places; round it to a hundredth of a cent")
    if len(digits) + max(exponent, 0) > 15:
        raise InvalidInputError(f"{name}: the amount has more than 15 digits")
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def check_method(value: object) -> str:
    """An HTTP method as it is sent: whether a call may be repeated and what it costs depend on its spelling."""
    if not isinstance(value, str) or not _METHOD.fullmatch(value):
        raise InvalidInputError(f"method: {value!r} is no HTTP method; write it in capitals, for example 'GET'")
    return value


def check_path(value: object) -> str:
    """A path on the API's own origin, percent-encoded already."""
    if not isinstance(value, str) or not value.startswith("/"):
        raise InvalidInputError(f"path: {value!r} does not begin with '/'")
    if not _PATH.fullmatch(value):
        raise InvalidInputError(
            "path: it holds white space, a control character or one outside ASCII; percent-encode each part with "
            "urllib.parse.quote(part, safe='')"
        )
    return value


def check_json(value: object) -> None:
    """Anything that can be written as JSON; nothing is left out or rounded."""
    if isinstance(value, NotGiven):
        return
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInputError(f"json: it cannot be written as JSON: {error}") from error
