from __future__ import annotations

import os
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plangrep_async.plangrep.downloads.file_name import disposition_name, numbered, safe_name


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="plan.pdf"', "plan.pdf"),
        ("attachment; filename=plan.pdf", "plan.pdf"),
        ("attachment;filename=plan.pdf ;size=3", "plan.pdf"),
        ('ATTACHMENT; FILENAME="Plan A; B.pdf"', "Plan A; B.pdf"),
        (r'attachment; filename="a \"quoted\" \\ name.pdf"', r'a "quoted" \ name.pdf'),
        ("attachment; filename=\"fallback.pdf\"; filename*=UTF-8''Gr%C3%BCn%20%E2%82%AC.pdf", "Grün €.pdf"),
        ("attachment; filename*=iso-8859-1'en'%A3.pdf; filename=x.pdf", "£.pdf"),
        ("attachment; filename*=no-such-charset''x; filename=plain.pdf", "plain.pdf"),
        ("attachment; filename*=broken; filename=plain.pdf", "plain.pdf"),
        ('filename="without-type.pdf"', "without-type.pdf"),
        ("inline", None),
        ("attachment", None),
        ("", None),
        (None, None),
        ("attachment; filename", None),
    ],
)
def test_content_disposition(header: str | None, name: str | None) -> None:
    assert disposition_name(header) == name


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("plan.pdf", "plan.pdf"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\win.ini", "win.ini"),
        ("/etc/cron.d/job", "job"),
        ("C:\\temp\\x.pdf", "x.pdf"),
        ("C:x.pdf", "C_x.pdf"),
        ("..", "artifact"),
        (".", "artifact"),
        ("", "artifact"),
        (None, "artifact"),
        ("a/", "artifact"),
        (".bashrc", "bashrc"),
        ("...hidden", "hidden"),
        ("a\x00b\nc\r.pdf", "abc.pdf"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("name. ", "name"),
        ('w<h>a:t"|?*.pdf', "w_h_a_t____.pdf"),
        ("Gru\u0308n.pdf", "Grün.pdf"),
        ("\ud800.pdf", "pdf"),
    ],
)
def test_names(given: str | None, safe: str) -> None:
    assert safe_name(given) == safe


@given(st.text(max_size=400))
@example("ü" * 300 + ".pdf")
@example("x" * 190 + "." + "y" * 190)
@example("\u202e" * 3 + "/" + "." * 300)
def test_no_name_leads_out_of_its_folder(text: str) -> None:
    name = safe_name(text)
    assert name not in ("", ".", "..")
    assert PurePosixPath(name).name == name
    assert PureWindowsPath(name).name == name
    assert not name.startswith(".")
    assert os.path.normpath(os.path.join("/folder", name)).startswith("/folder/")
    assert len(numbered(name, 99_999).encode()) <= 255
    assert safe_name(name) == name


def test_a_long_name_keeps_its_ending() -> None:
    assert safe_name("ü" * 300 + ".pdf").endswith("ü.pdf")


def test_numbers() -> None:
    assert [numbered("plan.pdf", number) for number in (1, 2, 3)] == ["plan.pdf", "plan (2).pdf", "plan (3).pdf"]
    assert numbered("README", 2) == "README (2)"
    assert numbered("a.tar.gz", 2) == "a.tar (2).gz"
