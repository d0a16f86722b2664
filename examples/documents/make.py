"""Writes construction documents: valid PDFs with unique pages, from kilobytes to gigabytes, the same for the same seed.

    python examples/documents/make.py                                     the two small ones that lie beside this file
    python examples/documents/make.py OUT --files 60 --largest 300MB      a set, its sizes spread evenly over magnitudes
    python examples/documents/make.py big.pdf --size 2GB                  one file of exactly this size

Nothing but the standard library is needed, and no file is ever held in memory.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import BinaryIO

HERE = Path(__file__).parent
BLOCK = 1 << 20
UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}

SHEETS = [
    ("A", "FLOOR PLAN", "PLAN"),
    ("A", "REFLECTED CEILING PLAN", "PLAN"),
    ("A", "BUILDING SECTIONS", "SECTION"),
    ("S", "FRAMING PLAN", "PLAN"),
    ("M", "DUCTWORK PLAN", "PLAN"),
    ("E", "LIGHTING PLAN", "PLAN"),
    ("P", "PLUMBING PLAN", "PLAN"),
]
FLOORS = ["FIRST", "SECOND", "THIRD", "FOURTH", "FIFTH", "SIXTH", "SEVENTH", "EIGHTH", "NINTH", "ROOF"]
ROOMS = ["OFFICE", "CORRIDOR", "STAIR", "ELECTRICAL", "STORAGE", "LOBBY", "MEETING", "WC", "JANITOR", "MECHANICAL"]
DETAILS = [
    "WALL SECTION",
    "WINDOW HEAD",
    "WINDOW SILL",
    "PARAPET",
    "CURB",
    "DOOR JAMB",
    "EXPANSION JOINT",
    "ROOF DRAIN",
]
SECTIONS = [
    ("03 30 00", "CAST-IN-PLACE CONCRETE"),
    ("04 20 00", "UNIT MASONRY"),
    ("05 12 00", "STRUCTURAL STEEL FRAMING"),
    ("06 10 00", "ROUGH CARPENTRY"),
    ("07 21 00", "THERMAL INSULATION"),
    ("07 92 00", "JOINT SEALANTS"),
    ("08 11 13", "HOLLOW METAL DOORS AND FRAMES"),
    ("08 80 00", "GLAZING"),
    ("09 29 00", "GYPSUM BOARD"),
    ("09 91 23", "INTERIOR PAINTING"),
    ("22 40 00", "PLUMBING FIXTURES"),
    ("26 51 00", "INTERIOR LIGHTING"),
]
ARTICLES = {
    1: ["SUMMARY", "REFERENCES", "SUBMITTALS", "QUALITY ASSURANCE", "DELIVERY AND STORAGE"],
    2: ["MANUFACTURERS", "MATERIALS", "ACCESSORIES", "FABRICATION"],
    3: ["EXAMINATION", "PREPARATION", "INSTALLATION", "FIELD QUALITY CONTROL", "CLEANING"],
}
SENTENCES = [
    "Provide {thing} in accordance with the drawings and ASTM {letter}{number}.",
    "Submit product data and samples of {thing} within {number} days of the notice to proceed.",
    "Minimum thickness of {thing}: {number} mm, measured at the least favourable place.",
    "Exterior walls shall have minimum R-{rating} insulation, continuous behind {thing}.",
    "Do not proceed with {thing} until unsatisfactory conditions have been corrected.",
    "Protect {thing} from damage until the date of Substantial Completion.",
    "Tolerance for {thing}: {number} mm in 3 m, not cumulative.",
]
THINGS = [
    "the vapour retarder",
    "anchors and fasteners",
    "sealant joints",
    "metal flashing",
    "finish hardware",
    "grout",
]


class Pdf:
    """Writes objects one after another and remembers where they are."""

    def __init__(self, file: BinaryIO, seed: str) -> None:
        self._file = file
        self._position = 0
        self._offsets: dict[int, int] = {}
        self._next = 4  # 1: catalog, 2: pages, 3: font
        self._pages: list[int] = []
        self._seed = seed
        self._write(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
        self._object(3, b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")

    def page(self, width: float, height: float, content: bytes) -> None:
        """Add a page with its content stream."""
        stream, page = self._next, self._next + 1
        self._next += 2
        self._object(stream, b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
        box = b"[0 0 %g %g]" % (width, height)
        resources = b"<< /Font << /F1 3 0 R >> >>"
        self._object(
            page,
            b"<< /Type /Page /Parent 2 0 R /MediaBox %s /Resources %s /Contents %d 0 R >>" % (box, resources, stream),
        )
        self._pages.append(page)

    def finish(self, size: int | None) -> None:
        """Write catalog, page tree, padding up to exactly ``size`` bytes, and the cross-reference table.

        Raises:
            ValueError: the document is larger than ``size`` already.
        """
        kids = b" ".join(b"%d 0 R" % page for page in self._pages)
        self._object(2, b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(self._pages)))
        self._object(1, b"<< /Type /Catalog /Pages 2 0 R >>")
        if size is not None:
            self._pad(size)
        start = self._position
        rows = b"".join(b"%010d 00000 n \n" % self._offsets[number] for number in range(1, self._next))
        self._write(b"xref\n0 %d\n0000000000 65535 f \n%s%s" % (self._next, rows, self._trailer(start)))

    def _trailer(self, start: int) -> bytes:
        identity = hashlib.md5(self._seed.encode(), usedforsecurity=False).hexdigest().encode()
        return b"trailer\n<< /Size %d /Root 1 0 R /ID [<%s> <%s>] >>\nstartxref\n%010d\n%%%%EOF\n" % (
            self._next,
            identity,
            identity,
            start,
        )

    def _pad(self, size: int) -> None:
        """One stream object of random bytes, so long that the file ends at ``size``."""
        number = self._next
        self._next += 1
        head = b"%d 0 obj\n<< /Length %%012d >>\nstream\n" % number
        head_size = len(head % 0)
        tail = b"\nendstream\nendobj\n"
        table = len(b"xref\n0 %d\n" % self._next) + 20 * self._next
        length = size - self._position - head_size - len(tail) - table - len(self._trailer(0))
        if length < 0:
            raise ValueError(f"size: the pages alone need {size - length} bytes")
        self._offsets[number] = self._position
        self._write(head % length)
        for block in _noise(self._seed, length):
            self._write(block)
        self._write(tail)

    def _object(self, number: int, body: bytes) -> None:
        self._offsets[number] = self._position
        self._write(b"%d 0 obj\n%s\nendobj\n" % (number, body))

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._position += len(data)


def write_sheet_set(path: Path, *, sheets: int, seed: int, size: int | None = None) -> None:
    """A set of drawings on 36 by 24 inch sheets.

    Args:
        size: of the file in bytes, reached by padding; None for no padding.

    Raises:
        ValueError: the sheets alone are larger than ``size``.
    """
    random = Random(f"sheets:{seed}")
    project = f"{random.choice(['HARBOR', 'MAPLE', 'NORTH', 'RIVER'])} STREET BUILDING {random.randint(1, 99)}"
    with path.open("wb") as file:
        pdf = Pdf(file, f"sheets:{seed}:{size}")
        for index in range(sheets):
            pdf.page(2592, 1728, _drawing(random, project, index))
        pdf.finish(size)


def write_spec_book(path: Path, *, sections: int, seed: int, size: int | None = None) -> None:
    """A project manual on letter paper; a section takes two or three pages. Arguments as of :func:`write_sheet_set`."""
    random = Random(f"specs:{seed}")
    with path.open("wb") as file:
        pdf = Pdf(file, f"specs:{seed}:{size}")
        for index in range(sections):
            for content in _section(random, index):
                pdf.page(612, 792, content)
        pdf.finish(size)


def write_set(folder: Path, *, files: int, smallest: int, largest: int, seed: int) -> list[Path]:
    """Sheet sets and spec books in turn, growing by a constant factor from ``smallest`` to ``largest`` bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    for index in range(files):
        size = round(smallest * (largest / smallest) ** (index / max(1, files - 1)))
        path = folder / (f"{index:04d}-sheets.pdf" if index % 2 == 0 else f"{index:04d}-specifications.pdf")
        write_document(path, size=size, seed=seed * 1_000_003 + index)
        paths.append(path)
    return paths


def write_document(path: Path, *, size: int, seed: int) -> None:
    """One file of exactly ``size`` bytes; a spec book when its name says so. More pages in a larger file, up to 60."""
    pages = max(1, min(60, size // 60_000))
    while True:
        try:
            if "spec" in path.name:
                write_spec_book(path, sections=max(1, pages // 3), seed=seed, size=size)
            else:
                write_sheet_set(path, sheets=pages, seed=seed, size=size)
        except ValueError:
            path.unlink()
            if pages == 1:
                raise
            pages //= 2
        else:
            return


def _drawing(random: Random, project: str, index: int) -> bytes:
    """Walls, rooms, a grid, details and a title block."""
    letter, title, region = SHEETS[index % len(SHEETS)]
    floor = index // len(SHEETS)
    number = f"{letter}{floor % 9 + 1}.{index + 1:02d}"
    name = f"{FLOORS[floor % len(FLOORS)]} {title}"
    ink = ["1 w", _rectangle(36, 36, 2520, 1656), "2 w", _rectangle(2160, 60, 372, 1608)]
    ink += ["4 w", _rectangle(200, 300, 1500, 1100), "2 w"]
    for count, (x, y, width, height) in enumerate(_rooms(random, 200, 300, 1500, 1100, 4)):
        ink.append(_rectangle(x, y, width, height))
        ink.append(_text(x + width / 2 - 40, y + height / 2, 11, f"{random.choice(ROOMS)} {floor + 1}{count + 1:02d}"))
    ink.append("0.5 w")
    for column in range(7):
        x = 200 + column * 250
        ink += [f"{x} 240 m {x} 1460 l S", _text(x - 4, 1475, 16, "ABCDEFG"[column])]
    for row in range(5):
        ink.append(_text(150, 300 + row * 275, 16, str(row + 1)))
    ink.append(_text(220, 200, 14, f"{region} 1 - {name}"))
    for detail in range(random.randint(2, 4)):
        x, y = 1780, 1250 - detail * 320
        ink.append(_rectangle(x, y, 320, 240))
        for _ in range(12):
            ink.append(_line(random, x, y, 320, 240))
        mark = f"{detail + 2} - {random.choice(DETAILS)} AT GRID {random.choice('ABCDEFG')}{random.randint(1, 5)}"
        ink.append(_text(x, y - 20, 12, f"DETAIL {mark}"))
    lines = [project, f"PROJECT NO {random.randint(10_000, 99_999)}", f"DATE 2016-{random.randint(1, 12):02d}-18"]
    for offset, text in enumerate([*lines, f"SCALE 1:{random.choice([50, 100, 200])}"]):
        ink.append(_text(2180, 420 - offset * 30, 14, text))
    ink += [_text(2180, 200, 16, f"TITLE {name}"), _text(2180, 110, 36, f"SHEET {number}")]
    return "\n".join(ink).encode("latin-1")


def _rooms(
    random: Random, x: float, y: float, width: float, height: float, depth: int
) -> Iterator[tuple[float, float, float, float]]:
    """Split a rectangle again and again."""
    if depth == 0 or min(width, height) < 160:
        yield x, y, width, height
        return
    part = random.uniform(0.35, 0.65)
    if width > height:
        yield from _rooms(random, x, y, round(width * part), height, depth - 1)
        yield from _rooms(random, x + round(width * part), y, width - round(width * part), height, depth - 1)
    else:
        yield from _rooms(random, x, y, width, round(height * part), depth - 1)
        yield from _rooms(random, x, y + round(height * part), width, height - round(height * part), depth - 1)


def _section(random: Random, index: int) -> Iterator[bytes]:
    """The pages of a specification section in three parts."""
    number, title = SECTIONS[index % len(SECTIONS)]
    lines: list[str] = [f"SECTION {number} - {title}", ""]
    for part, heading in ((1, "GENERAL"), (2, "PRODUCTS"), (3, "EXECUTION")):
        lines += [f"PART {part} {heading}", ""]
        for article, name in enumerate(ARTICLES[part], 1):
            lines.append(f"{part}.{article:02d} {name}")
            for mark in "ABC"[: random.randint(1, 3)]:
                sentence = random.choice(SENTENCES).format(
                    thing=random.choice(THINGS),
                    letter=random.choice("ACDE"),
                    number=random.randint(3, 900),
                    rating=random.randint(11, 49),
                )
                lines.append(f"   {mark}. {sentence}")
            lines.append("")
    lines.append("END OF SECTION")
    for start in range(0, len(lines), 44):
        ink = [_text(72, 720 - row * 15, 10, line) for row, line in enumerate(lines[start : start + 44]) if line]
        ink.append(_text(72, 40, 9, f"{title.title()} {number} - {start // 44 + 1}"))
        yield "\n".join(ink).encode("latin-1")


def _text(x: float, y: float, size: float, text: str) -> str:
    safe = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"BT /F1 {size:g} Tf {x:g} {y:g} Td ({safe}) Tj ET"


def _rectangle(x: float, y: float, width: float, height: float) -> str:
    return f"{x:g} {y:g} {width:g} {height:g} re S"


def _line(random: Random, x: float, y: float, width: float, height: float) -> str:
    ends = [(x + random.randint(0, int(width)), y + random.randint(0, int(height))) for _ in range(2)]
    return f"{ends[0][0]:g} {ends[0][1]:g} m {ends[1][0]:g} {ends[1][1]:g} l S"


def _noise(seed: str, length: int) -> Iterator[bytes]:
    """Bytes that differ from block to block and file to file, made as fast as the disk takes them."""
    base = Random(f"noise:{seed}").randbytes(BLOCK)
    for index in range(math.ceil(length / BLOCK)):
        mark = hashlib.sha256(f"{seed}:{index}".encode()).digest()
        yield (mark + base[len(mark) :])[: length - index * BLOCK]


def parse_size(text: str) -> int:
    """``300MB``, ``1.5GiB``, ``4096``: bytes."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]?I?B?)", text.strip().upper())
    if match is None or match.group(2) not in UNITS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 300MB or 2GiB")
    return round(float(match.group(1)) * UNITS[match.group(2)])


def main() -> None:
    """Parse the command line and write."""
    parser = argparse.ArgumentParser(description="Write construction documents as valid PDFs.")
    parser.add_argument("out", type=Path, nargs="?", help="a folder, or with --size a file")
    parser.add_argument("--files", type=int, default=20)
    parser.add_argument("--smallest", type=parse_size, default=20_000)
    parser.add_argument("--largest", type=parse_size, default=20_000_000)
    parser.add_argument("--size", type=parse_size)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.out is None:
        write_sheet_set(HERE / "sheet-set.pdf", sheets=5, seed=1)
        write_spec_book(HERE / "spec-book.pdf", sections=4, seed=1)
    elif arguments.size is not None:
        write_document(arguments.out, size=arguments.size, seed=arguments.seed)
    else:
        paths = write_set(
            arguments.out,
            files=arguments.files,
            smallest=arguments.smallest,
            largest=arguments.largest,
            seed=arguments.seed,
        )
        total = sum(path.stat().st_size for path in paths)
        print(f"{len(paths)} files, {total / 1e6:.1f} MB, in {arguments.out}")


if __name__ == "__main__":
    main()
