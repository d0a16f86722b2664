"""Forms: exact lengths, and every name and byte comes back, whoever reads it."""

from __future__ import annotations

import email
import email.policy
import re
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_multipart.multipart import MultipartParser, parse_options_header

from plangrep_async.errors import InvalidInputError
from plangrep_async.upload.form import FormFile, form_body, make_boundary

BOUNDARY = "form-0123456789abcdef"


def assemble(form, contents):
    body = b"".join(head + content for head, content in zip(form.heads, contents, strict=True)) + form.tail
    assert len(body) == form.length
    return body


def browser_name(raw):
    """What WHATWG's rule (and ours, for what it leaves out) wrote, read back."""
    return unquote(raw.decode("utf-8"))


def read_by_rule(content_type, body):
    """[(name, file name or None, content type or None, content)], by the letter of RFC 7578."""
    boundary = re.fullmatch(r'multipart/form-data; boundary="?([^"]+)"?', content_type)[1].encode()
    preamble, *parts, epilogue = (b"\r\n" + body).split(b"\r\n--" + boundary)
    assert preamble == b""
    assert epilogue == b"--\r\n"
    found = []
    for part in parts:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        disposition, _, media_line = head.partition(b"\r\n")
        match = re.fullmatch(rb'Content-Disposition: form-data; name="([^"]*)"(?:; filename="([^"]*)")?', disposition)
        name, file_name = match.groups()
        if file_name is None:
            found.append((browser_name(name), None, None, content))
        else:
            media = media_line.removeprefix(b"Content-Type: ").decode("latin-1")
            found.append((browser_name(name), browser_name(file_name), media, content))
    return found


def read_by_starlettes_parser(content_type, body):
    """The parts as python-multipart gives them: [(disposition options, content)]."""
    _, options = parse_options_header(content_type)
    parts, current = [], {}

    def begin():
        current.clear()
        current.update(field=b"", value=b"", headers={}, content=b"")

    def header_end():
        current["headers"][current["field"].lower()] = current["value"]
        current.update(field=b"", value=b"")

    def add(key):
        return lambda data, start, end: current.__setitem__(key, current[key] + data[start:end])

    parser = MultipartParser(
        options[b"boundary"],
        {
            "on_part_begin": begin, "on_header_field": add("field"), "on_header_value": add("value"),
            "on_header_end": header_end, "on_part_data": add("content"),
            "on_part_end": lambda: parts.append((dict(current["headers"]), current["content"])),
        },
    )  # fmt: skip
    parser.write(body)
    parser.finalize()
    return [(parse_options_header(headers[b"content-disposition"])[1], content) for headers, content in parts]


texts = st.text(max_size=30)
# A backslash before a quote means different things to different readers; browsers write it as it is.
names = st.text(max_size=20).filter(lambda name: "%" not in name)
media_types = st.sampled_from(["application/pdf", "application/octet-stream", "text/plain; charset=utf-8", ""])
files = st.lists(st.tuples(names, names, media_types, st.binary(max_size=200)), min_size=1, max_size=4)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(names, texts), max_size=5), files)
def test_it_reads_back_as_it_was(fields, files):
    form = form_body(
        fields, [FormFile(name, file, media, len(data)) for name, file, media, data in files], boundary=BOUNDARY
    )
    found = read_by_rule(form.content_type, assemble(form, [data for *_, data in files]))
    assert found == [(name, None, None, value.encode()) for name, value in fields] + list(files)


plain = st.text(
    st.characters(codec="utf-8", exclude_characters='%\\";', exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20
).filter(lambda text: text == text.strip())


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(plain, texts), max_size=4),
    st.lists(st.tuples(plain, plain, st.binary(max_size=100)), min_size=1, max_size=3),
)
def test_the_parser_of_web_frameworks_reads_the_same(fields, files):
    form = form_body(
        fields, [FormFile(name, file, "application/pdf", len(data)) for name, file, data in files], boundary=BOUNDARY
    )
    found = read_by_starlettes_parser(form.content_type, assemble(form, [data for *_, data in files]))
    names = [(options[b"name"].decode(), options.get(b"filename", b"").decode()) for options, _ in found]
    assert names == [(name, "") for name, _ in fields] + [(name, file) for name, file, _ in files]
    assert [content for _, content in found] == [value.encode() for _, value in fields] + [data for *_, data in files]


def test_the_standard_librarys_reader():
    form = form_body(
        [("metadata", '{"a": 1}')], [FormFile("file0", "A-101 Plan.pdf", "application/pdf", 4)], boundary=BOUNDARY
    )
    raw = f"Content-Type: {form.content_type}\r\n\r\n".encode() + assemble(form, [b"%PDF"])
    message = email.message_from_bytes(raw, policy=email.policy.HTTP)
    first, second = message.iter_parts()
    assert first.get_param("name", header="content-disposition") == "metadata"
    assert first.get_payload(decode=True) == b'{"a": 1}'
    assert (second.get_filename(), second.get_content_type()) == ("A-101 Plan.pdf", "application/pdf")
    assert second.get_payload(decode=True) == b"%PDF"


def test_metadata_first_then_the_files_to_the_byte():
    form = form_body(
        [("metadata", "{}")],
        [FormFile("file0", "a.pdf", "application/pdf", 3), FormFile("file1", 'b "2"\r\n.pdf', "application/pdf", 0)],
        boundary="B",
    )
    assert form.content_type == "multipart/form-data; boundary=B"
    assert assemble(form, [b"abc", b""]) == (
        b'--B\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n{}\r\n'
        b'--B\r\nContent-Disposition: form-data; name="file0"; filename="a.pdf"\r\n'
        b"Content-Type: application/pdf\r\n\r\nabc\r\n"
        b'--B\r\nContent-Disposition: form-data; name="file1"; filename="b %222%22%0D%0A.pdf"\r\n'
        b"Content-Type: application/pdf\r\n\r\n\r\n"
        b"--B--\r\n"
    )


def test_the_fields_of_a_policy_in_order_unknown_ones_and_all_the_file_last():
    fields = [("key", "a/${filename}"), ("policy", "eyJ="), ("x-amz-unheard-of", "1"), ("signature", "Czt/9=")]
    form = form_body(fields, [FormFile("file", "a.pdf", "application/pdf", 1)], boundary=BOUNDARY)
    found = read_by_rule(form.content_type, assemble(form, [b"x"]))
    assert [(name, content.decode()) for name, _, _, content in found] == [*fields, ("file", "x")]


@pytest.mark.parametrize(
    ("name", "written"),
    [("a\\b\\", b"a\\b%5C"), ('\\"', b"\\%22"), ("a\tb", b"a\tb"), ("\0\x1f\x7f", b"%00%1F%7F"), ("%", b"%")],
)
def test_names_that_strict_readers_would_stumble_over(name, written):
    """Such as Go's, which refuses control characters and lets a backslash escape the closing quote."""
    form = form_body([], [FormFile("file", name, "t/t", 1)], boundary=BOUNDARY)
    assert b'; filename="%b"\r\n' % written in form.heads[0]
    if "\t" not in name:  # which the reader below folds
        message = email.message_from_bytes(
            f"Content-Type: {form.content_type}\r\n\r\n".encode() + assemble(form, [b"x"]), policy=email.policy.HTTP
        )
        [part] = message.iter_parts()
        assert part.get_payload(decode=True) == b"x"


def test_a_file_name_that_is_not_unicode_on_disk():
    form = form_body([], [FormFile("file", "caf\udce9.pdf", "application/pdf", 0)], boundary=BOUNDARY)
    assert "caf\ufffd.pdf".encode() in form.heads[0]


@pytest.mark.parametrize(
    ("fields", "files", "boundary"),
    [
        ([], [], BOUNDARY),
        ([("a", f"x--{BOUNDARY}")], [FormFile("f", "n", "t/t", 0)], BOUNDARY),
        ([], [FormFile("f", f"{BOUNDARY}.pdf", "t/t", 0)], BOUNDARY),
        ([], [FormFile("f", "n", "text/plain\r\nEvil: 1", 0)], BOUNDARY),
        ([], [FormFile("f", "n", "t/\u2028", 0)], BOUNDARY),
        ([], [FormFile("f", "n", "t/t", 0)], ""),
        ([], [FormFile("f", "n", "t/t", 0)], "a b"),
        ([], [FormFile("f", "n", "t/t", 0)], "x" * 71),
    ],
)
def test_what_is_refused(fields, files, boundary):
    with pytest.raises(InvalidInputError):
        form_body(fields, files, boundary=boundary)


def test_a_boundary_of_odd_characters_is_quoted():
    form = form_body([], [FormFile("f", "n", "t/t", 1)], boundary="a:b/c?d")
    assert form.content_type == 'multipart/form-data; boundary="a:b/c?d"'
    assert read_by_rule(form.content_type, assemble(form, [b"x"])) == [("f", "n", "t/t", b"x")]


def test_boundaries_are_random():
    assert make_boundary(lambda count: bytes(range(count))) == "form-000102030405060708090a0b0c0d0e0f"
    assert len({make_boundary() for _ in range(100)}) == 100
