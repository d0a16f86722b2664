"""From a document's inspected pages to the entities of its project. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any

from .catalog import ArtifactRef, Entity
from .document import Document
from .inspection import Page

__all__ = ["document_artifacts", "extract", "is_drawing", "sheet_of"]

DISCIPLINES = {
    "A": "architectural",
    "C": "civil",
    "E": "electrical",
    "F": "fire",
    "L": "landscape",
    "M": "mechanical",
    "P": "plumbing",
    "S": "structural",
}
_SHEET = re.compile(r"^SHEET\s+([A-Z]{1,3}-?\d[\w.\-]*)\s*$", re.MULTILINE)
_TITLE = re.compile(r"^TITLE\s+(.+?)\s*$", re.MULTILINE)
_REGION = re.compile(r"^(DETAIL|PLAN|ELEVATION|SCHEDULE|SECTION)\s+([\w.]+)\s*[-:]\s*(.+?)\s*$", re.MULTILINE)
_SPEC = re.compile(r"^SECTION (\d{2} \d{2} \d{2})\s*[-:]?\s*(.*?)\s*$", re.MULTILINE)
_PART = re.compile(r"^PART (\d)\s*[-:]?\s*(.*?)\s*$", re.MULTILINE)
_DOC_TYPES = ("submittal", "rfi", "schedule", "report")


def extract(document: Document) -> Iterator[Entity]:
    """The entities of a processed document, its file first."""
    inspection = document.inspection
    pages = () if inspection is None else tuple(page for page in inspection.pages if not page.failed)
    sheets = [page for page in pages if is_drawing(document, page)]
    yield _file(document, [_id("sheet", document, page.number) for page in sheets])
    for page in sheets:
        yield _sheet(document, page)
        yield from _regions(document, page)
    texts = [page for page in pages if not is_drawing(document, page)]
    kind = document.effective_classification
    if texts and kind in ("specifications", "mixed"):
        yield from _specifications(document, texts)
    if texts and kind in ("documents", "addenda", "mixed", "other"):
        yield _doc(document, texts)


def is_drawing(document: Document, page: Page) -> bool:
    """Whether a page counts, and is billed, as a drawing."""
    kind = document.effective_classification
    return kind == "plans" or (kind == "mixed" and page.large)


def sheet_of(page: Page) -> dict[str, Any]:
    """Sheet number, name, type and discipline as the page's text has them."""
    number = _SHEET.search(page.text)
    title = _TITLE.search(page.text)
    discipline = DISCIPLINES.get(number.group(1)[0]) if number else None
    return {
        "sheetNumber": number.group(1) if number else None,
        "sheetName": title.group(1) if title else f"Page {page.number}",
        "drawingType": discipline or "general",
        "discipline": discipline,
    }


def document_artifacts(document: Document) -> list[ArtifactRef]:
    """Artifacts of the file as a whole."""
    return [
        ArtifactRef("extracted_json", f"documents/{document.id}/extracted.json"),
        ArtifactRef("original", f"documents/{document.id}/original"),
    ]


def _id(prefix: str, document: Document, *parts: object) -> str:
    text = ":".join(str(part) for part in (document.id, *parts))
    return f"{prefix}_{hashlib.sha256(text.encode()).hexdigest()[:20]}"


def _traits(document: Document, **more: Any) -> dict[str, Any]:
    return {
        "fileId": document.file_id,
        "fileName": document.file_name,
        "classification": document.effective_classification,
        "status": "failed" if document.status == "failed" else "complete",
        **more,
    }


def _file(document: Document, sheets: list[str]) -> Entity:
    traits = _traits(document, sheets=sheets)
    fields = {
        "fileId": document.file_id,
        "fileName": document.file_name,
        "classification": traits["classification"],
        "status": traits["status"],
        "pageCount": document.page_count,
    }
    return Entity(document.file_id, "file", fields, traits, document_artifacts(document))


def _sheet(document: Document, page: Page) -> Entity:
    sheet = _id("sheet", document, page.number)
    found = sheet_of(page)
    number, name = found["sheetNumber"], found["sheetName"]
    fields = {
        "sheetId": sheet,
        "fileId": document.file_id,
        "fileName": document.file_name,
        "pageNumber": page.number,
        "sheetNumber": number,
        "sheetName": name,
        "sheetDisplayName": f"{number} {name}" if number else name,
    }
    traits = _traits(
        document,
        sheets=[sheet],
        pageNumber=page.number,
        sheetNumber=number,
        drawingType=found["drawingType"],
        discipline=found["discipline"],
    )
    thumbnail = ArtifactRef("thumbnail", f"documents/{document.id}/pages/{page.number}/thumbnail.png")
    return Entity(sheet, "sheet", fields, traits, [thumbnail])


def _regions(document: Document, page: Page) -> Iterator[Entity]:
    found = sheet_of(page)
    labels = [(kind.lower(), f"{kind} {mark}", text) for kind, mark, text in _REGION.findall(page.text)]
    title = " ".join(str(item) for item in (found["sheetNumber"], found["sheetName"]) if item)
    labels.append(("title_block", "TITLE BLOCK", title))
    for index, (kind, label, text) in enumerate(labels):
        region = _id("region", document, page.number, index)
        # A row of boxes: no geometry is read from the page, but every box lies on it and none is empty.
        left = index / len(labels)
        box = {"left": round(left, 4), "top": 0.1, "right": round(left + 1 / len(labels), 4), "bottom": 0.9}
        fields = {
            "regionId": region,
            "fileId": document.file_id,
            "sheetId": _id("sheet", document, page.number),
            "fileName": document.file_name,
            "pageNumber": page.number,
            "sheetNumber": found["sheetNumber"],
            "label": label,
            "text": text,
            "displayBox": box,
            "titleBox": None,
        }
        traits = _traits(
            document,
            sheets=[fields["sheetId"]],
            sheetId=fields["sheetId"],
            pageNumber=page.number,
            sheetNumber=found["sheetNumber"],
            regionType=kind,
            drawingType=found["drawingType"],
            layoutType="model",
        )
        crop = ArtifactRef("vector_crop", f"documents/{document.id}/pages/{page.number}/regions/{index}.svg")
        source = {
            "type": "region",
            "regionType": kind,
            "sheetNumber": found["sheetNumber"],
            "pageNumber": page.number,
            "fileName": document.file_name,
        }
        yield Entity(region, "region", fields, traits, [crop], text, source)


def _specifications(document: Document, pages: list[Page]) -> Iterator[Entity]:
    begun: list[tuple[str, str, int, list[str]]] = []
    ends: list[int] = []
    for page in pages:
        position = 0
        for match in _SPEC.finditer(page.text):
            _continue(begun, ends, page, page.text[position : match.start()])
            begun.append((match.group(1), match.group(2), page.number, []))
            ends.append(page.number)
            position = match.start()
        _continue(begun, ends, page, page.text[position:])
    for index, (number, title, start, texts) in enumerate(begun):
        text = "\n".join(texts)
        yield from _section(document, index, number, title, start, ends[index], text)


def _continue(begun: list[tuple[str, str, int, list[str]]], ends: list[int], page: Page, text: str) -> None:
    if begun and text.strip():
        begun[-1][3].append(text.strip())
        ends[-1] = page.number


def _section(
    document: Document, index: int, number: str, title: str, start: int, end: int, text: str
) -> Iterator[Entity]:
    specification, section = _id("spec", document, index), _id("section", document, index)
    parts = _parts(text)
    facets = {_id("facet", document, index, label): body for label, _, body in parts}
    common = {
        "fileId": document.file_id,
        "fileName": document.file_name,
        "sectionNumber": number,
        "sectionTitle": title,
        "pageStart": start,
        "pageEnd": end,
    }
    traits = _traits(document, sectionNumber=number, pageStart=start, pageEnd=end)
    artifacts = [ArtifactRef("extracted_json", f"documents/{document.id}/extracted.json")]
    source = {"type": "specification", "sectionNumber": number, "sectionTitle": title, "fileName": document.file_name}
    yield Entity(
        specification,
        "specification",
        {
            "specificationId": specification,
            **common,
            "facets": [
                {
                    "facetId": facet,
                    "facetKey": label,
                    "facetKind": "part",
                    "facetLabel": heading,
                    "coverageKind": "full",
                    "facetText": body,
                    "pageStart": start,
                    "pageEnd": end,
                }
                for (label, heading, body), facet in zip(parts, facets, strict=True)
            ],
        },
        traits,
        artifacts,
        text,
        source,
        facets,
    )
    detail = {
        "sectionId": section,
        "specId": specification,
        **common,
        "text": text,
        "textLength": len(text),
        "parts": [
            {"label": label, "title": heading, "text": body, "pageStart": start, "pageEnd": end}
            for label, heading, body in parts
        ],
        **{name: [] for name in ("products", "submittals", "references", "relatedSections", "quality", "execution")},
        "warnings": [],
        "facets": [
            {
                "facetId": facet,
                "facetKey": label,
                "facetKind": "part",
                "facetLabel": heading,
                "coverageKind": "full",
                "facetText": body,
                "requirements": [],
                "pageStart": start,
                "pageEnd": end,
            }
            for (label, heading, body), facet in zip(parts, facets, strict=True)
        ],
    }
    yield Entity(section, "section", detail, traits, artifacts)


def _parts(text: str) -> list[tuple[str, str, str]]:
    """(label, heading, text) of each PART."""
    marks = list(_PART.finditer(text))
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return [
        (f"part-{mark.group(1)}", f"PART {mark.group(1)} {mark.group(2)}".strip(), text[mark.start() : end].strip())
        for mark, end in zip(marks, ends, strict=True)
    ]


def _doc(document: Document, pages: list[Page]) -> Entity:
    doc = _id("docentity", document)
    name = document.file_name.lower()
    kind = next((item for item in _DOC_TYPES if item in name), "report")
    traits = _traits(document, docType=kind)
    fields = {
        "docId": doc,
        "fileId": document.file_id,
        "fileName": document.file_name,
        "docType": kind,
        "status": traits["status"],
    }
    text = "\n".join(page.text for page in pages if page.text)
    source = {"type": "doc", "docType": kind, "fileName": document.file_name}
    return Entity(doc, "doc", fields, traits, document_artifacts(document), text, source)
