"""multipart/form-data in bytes: what stands before, between and after the files. Pure functions.

Sources: RFC 7578; WHATWG HTML, "Multipart form data" (how browsers write names); Amazon S3 API Reference, "POST Object"
(fields first, the file last).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence

from attrs import field, frozen, validators

from ..errors import InvalidInputError

__all__ = ["FormBody", "FormFile", "form_body", "make_boundary"]

_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=?-]{1,70}")  # RFC 2046, 5.1.1, without blanks
_MEDIA_TYPE = re.compile(r"[\t -~\x80-\xff]*")
# Beyond the browsers' quote, CR and LF: Go's reader (SeaweedFS) refuses a part with other control characters in its
# head, and takes a backslash before the closing quote for an escape: it then drops the file and reports success.
_ENCODED = re.compile(rb'["\x00-\x08\n-\x1f\x7f]|\\\Z')


@frozen
class FormFile:
    """One file of a form.

    Attributes:
        name: the part's name, for example ``"file0"``.
        file_name: as the service shall see it; any text.
        content_type: the part's media type.
        size: bytes, exact.
    """

    name: str
    file_name: str
    content_type: str
    size: int = field(validator=validators.ge(0))


@frozen
class FormBody:
    """A form around its files: ``heads[0]``, first file, ``heads[1]``, second file, ..., ``tail``.

    Attributes:
        content_type: the request's ``Content-Type``, with the boundary.
        heads: what stands before each file; the text parts are in the first.
        tail: what stands after the last file.
        length: bytes of the whole body, the files included.
    """

    content_type: str
    heads: tuple[bytes, ...] = field(repr=False)
    tail: bytes
    length: int


def make_boundary(random_bytes: Callable[[int], bytes] = os.urandom) -> str:
    """A boundary of 128 random bits: no file can be expected to hold it, and none needs to be searched for it."""
    return f"form-{random_bytes(16).hex()}"


def form_body(fields: Sequence[tuple[str, str]], files: Sequence[FormFile], *, boundary: str) -> FormBody:
    """The text parts in their order, then the files in theirs.

    Both layouts that the services ask for are of this kind: a ``metadata`` part and ``file0``, ``file1``, ...; and the
    signed fields of an S3 policy with the part ``file`` last.

    Names and file names are written as browsers write them: UTF-8, with ``"``, CR and LF as ``%22``, ``%0D`` and
    ``%0A``; likewise all other control characters but the tab, and a backslash at the end. Values of text parts are
    sent byte for byte (they may be signed), without a Content-Type.

    Args:
        fields: names and values.
        files: at least one.
        boundary: see :func:`make_boundary`.

    Raises:
        InvalidInputError: no file, a content type with a line break, or a boundary that is malformed or stands in a
            name or a text.
    """
    if not files:
        raise InvalidInputError("a form without a file: give at least one")
    if not _BOUNDARY.fullmatch(boundary):
        raise InvalidInputError(
            f"{boundary!r} cannot be a boundary: 1 to 70 characters, letters, digits and '()+_,./:=?-"
        )
    named = [
        *(text for pair in fields for text in pair),
        *(text for file in files for text in (file.name, file.file_name)),
    ]
    if any(boundary in text for text in named):
        raise InvalidInputError("the boundary stands in a name or a text of the form: use make_boundary()")
    delimiter = b"--" + boundary.encode("ascii")
    texts = b"".join(_text_part(delimiter, name, value) for name, value in fields)
    heads = [_file_head(delimiter, file) for file in files]
    framed = (texts + heads[0], *(b"\r\n" + head for head in heads[1:]))
    tail = b"\r\n" + delimiter + b"--\r\n"
    return FormBody(
        content_type=f"multipart/form-data; boundary={_quoted(boundary)}",
        heads=framed,
        tail=tail,
        length=sum(map(len, framed)) + sum(file.size for file in files) + len(tail),
    )


def _text_part(delimiter: bytes, name: str, value: str) -> bytes:
    return b'%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (delimiter, _name(name), _utf8(value))


def _file_head(delimiter: bytes, file: FormFile) -> bytes:
    if not _MEDIA_TYPE.fullmatch(file.content_type):
        raise InvalidInputError(f"content type {file.content_type!r} has characters that cannot stand in a header")
    return (
        b'%b\r\nContent-Disposition: form-data; name="%b"; filename="%b"\r\nContent-Type: %b\r\n\r\n'
        % (delimiter, _name(file.name), _name(file.file_name), file.content_type.encode("latin-1"))
    )  # fmt: skip


def _name(text: str) -> bytes:
    return _ENCODED.sub(lambda match: b"%%%02X" % match[0][0], _utf8(text))


def _utf8(text: str) -> bytes:
    """Lone surrogates (file names that are not UTF-8 on disk) become U+FFFD, as in browsers."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return re.sub(r"[\ud800-\udfff]", "\ufffd", text).encode("utf-8")


def _quoted(boundary: str) -> str:
    return boundary if re.fullmatch(r"[0-9A-Za-z_.+'-]+", boundary) else f'"{boundary}"'
