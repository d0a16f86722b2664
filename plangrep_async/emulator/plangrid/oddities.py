"""The documentation's oddities, on demand: what a tolerant client must survive.

Each is a difference between what one page promises and what another page (or a real client's record) shows. They are
spread over the data by the records' uids, so that both forms occur and every run gives the same ones.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Literal, get_args

__all__ = ["ODDITIES", "Oddities", "Oddity"]

Oddity = Literal[
    "unpadded_dates",  # 2015-9-12T19:22:56+00:00 (pages of RFIs)
    "lower_case_timestamps",  # 2013-05-17t02:30:22z (comments)
    "one_digit_hours",  # 2013-05-14T8:30:56+00:00 (comments on an RFI)
    "zulu_timestamps",  # Z instead of the offset (photos, archived issues)
    "microseconds",  # 2015-12-22T06:11:56.849904+00:00 (page "File Uploads")
    "false_due_at",  # false instead of null (page "Retrieve Issue in a Project")
    "missing_fields",  # fields left out instead of null (archived issues, second RFI of the list)
    "mixed_upload_status",  # `status` or `upload_status` in a File Upload Request
    "empty_collection_urls",  # a URL although total_count is 0
    "decimal_integers",  # 3.0 for 3
    "nameless_users",  # uid and url of a user reference are null
    "foreign_user_urls",  # uid and url of a user reference name different users
    "invalid_emails",  # the email of a user reference is no address
    "unknown_enums",  # values that no page lists
    "unknown_fields",  # fields that no page lists
    "swapped_page_query",  # next_page_url with limit before skip (page "Retrieve Annotations")
    "extra_empty_page",  # next_page_url on the last page; the page after it is empty
    "object_id_users",  # users with 24 hexadecimal digits (page "File Uploads")
    "upper_case_uids",  # snapshots' uids in capitals
    "pointers_in_history",  # references in an RFI's history as pointers, as its table says, not as whole photos
    "two_upload_tokens",  # the redirect's token differs from the webhook_url's (page "The File Upload Object")
    "completions_suffix",  # complete_url ends in /completions
    "batch_created_200",  # a batch shows 200 where the endpoint alone answers 201
    "escaped_slashes",  # "\/" in JSON strings (upload pages)
    "broken_error_json",  # no comma between message and url (page "Complete Attachment Upload")
    "signed_file_urls",  # files' URLs are signed and expire (page "File Uploads")
]

ODDITIES: frozenset[Oddity] = frozenset(get_args(Oddity))

_OPTIONAL = {
    "issue": (
        "due_at",
        "has_cost_impact",
        "cost_impact",
        "currency_code",
        "has_schedule_impact",
        "schedule_impact",
    ),
    "rfi": ("locked",),
    "snapshot": ("sheet",),
}
_USER = frozenset({"uid", "url", "email"})
_COLLECTION = frozenset({"total_count", "url"})
_TIME_FORMS = ("unpadded_dates", "lower_case_timestamps", "one_digit_hours", "zulu_timestamps", "microseconds")
_EXACT = frozenset({"limit", "remaining", "interval", "status_code", "expires_in"})
_ENUMS = {"visibility": "everyone", "record_type": "photo"}


class Oddities:
    """A set of oddities and what they make of an answer.

    Args:
        names: the oddities; ``True`` for all, ``False`` for none.

    Raises:
        ValueError: a name is unknown.
    """

    def __init__(self, names: bool | Iterable[str] = False) -> None:
        chosen = ODDITIES if names is True else frozenset(() if names is False else names)
        unknown = sorted(chosen - ODDITIES)
        if unknown:
            raise ValueError(f"unknown oddities {unknown}; known are {sorted(ODDITIES)}")
        self.names: frozenset[str] = chosen
        self._time_forms = [form for form in _TIME_FORMS if form in chosen]

    def __contains__(self, name: Oddity) -> bool:
        return name in self.names

    def __bool__(self) -> bool:
        return bool(self.names)

    def apply(self, payload: Any) -> Any:
        """The payload of a successful answer with its oddities; the payload itself is left as it was."""
        return self._walk(payload, "") if self.names else payload

    def _walk(self, value: Any, salt: str) -> Any:
        if isinstance(value, list):
            return [self._walk(item, f"{salt}{position}") for position, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if value.keys() == _USER:
            return self._user(value, salt)
        if value.keys() == _COLLECTION:
            return self._collection(value, salt)
        salt = str(value.get("uid", salt))
        changed = {key: self._field(key, self._walk(item, salt + key), salt) for key, item in value.items()}
        self._reshape(changed, salt)
        return changed

    def _field(self, key: str, value: Any, salt: str) -> Any:
        if isinstance(value, str) and key.endswith("_at"):
            return self._timestamp(value, salt + key)
        if value is None and key == "due_at" and self._hits("false_due_at", salt):
            return False
        if isinstance(value, int) and not isinstance(value, bool) and key not in _EXACT:
            return Decimal(f"{value}.0") if self._hits("decimal_integers", salt + key) else value
        if key in _ENUMS and isinstance(value, str) and self._hits("unknown_enums", salt, one_in=5):
            return _ENUMS[key]
        if key == "status" and value in ("open", "in_review", "pending", "closed"):
            return "on_hold" if self._hits("unknown_enums", salt, one_in=5) else value
        return value

    def _timestamp(self, text: str, salt: str) -> str:
        if not self._time_forms or not _coin(salt, 2):
            return text
        form = self._time_forms[_coin(salt + "form", len(self._time_forms))]
        if form == "zulu_timestamps":
            return text.replace("+00:00", "Z")
        if form == "lower_case_timestamps":
            return text.replace("+00:00", "z").lower()
        if form == "microseconds":
            return text.replace("+00:00", f".{zlib.crc32(salt.encode()) % 1_000_000:06}+00:00")
        if form == "one_digit_hours":
            return text.replace("T0", "T")
        return text.replace("-0", "-")  # the offset's sign is a plus

    def _user(self, user: dict[str, Any], salt: str) -> dict[str, Any]:
        salt += str(user["email"])
        user = dict(user)
        if self._hits("nameless_users", salt, one_in=4):
            user.update(uid=None, url=None)
        elif user["url"] and self._hits("foreign_user_urls", salt, one_in=4):
            user["url"] = user["url"].rsplit("/", 1)[0] + "/80efb7e6-f15c-479a-8429-7e153b1e2a52"
        if self._hits("invalid_emails", salt, one_in=4):
            user["email"] = "site office"
        return user

    def _collection(self, collection: dict[str, Any], salt: str) -> dict[str, Any]:
        if collection["url"] is None and self._hits("empty_collection_urls", salt):
            return {**collection, "url": ""}
        return collection

    def _reshape(self, record: dict[str, Any], salt: str) -> None:
        """Fields that come, go or change their names; ``record`` is ours."""
        if "upload_status" in record and self._hits("mixed_upload_status", salt):
            record["status"] = record.pop("upload_status")
        kind = _kind(record)
        if self._hits("missing_fields", salt):
            for key in _OPTIONAL.get(kind, ()):
                record.pop(key, None)
        if kind and self._hits("unknown_fields", salt):
            record["x_later_version"] = {"value": [1, None, "three"]}

    def _hits(self, name: Oddity, salt: str, *, one_in: int = 2) -> bool:
        return name in self.names and _coin(name + salt, one_in) == 0


def _coin(salt: str, sides: int) -> int:
    return zlib.crc32(salt.encode()) // 7 % sides


def _kind(record: dict[str, Any]) -> str:
    if "current_annotation" in record:
        return "issue"
    if "question" in record:
        return "rfi"
    if "title" in record and "sheet" in record:
        return "snapshot"
    return "record" if "uid" in record and "created_at" in record else ""
