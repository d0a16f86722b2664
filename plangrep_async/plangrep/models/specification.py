"""Specifications and their sections ("List specifications", "Get a specification section")."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from .artifact import Artifact
from .record import Record

__all__ = [
    "Facet",
    "ProjectSpecification",
    "Requirement",
    "SectionPart",
    "SectionProduct",
    "SectionWarning",
    "SpecificationSection",
]


@frozen(kw_only=True)
class Requirement(Record):
    """A requirement of a section or a facet; where it was found stands in ``extra``."""

    bare_attribute = "text"

    text: str | None = None
    label: str | None = None
    kind: str | None = None


@frozen(kw_only=True)
class Facet(Record):
    """A part, an article or a paragraph. The pages disagree on whether ``text`` is cut at 50,000 characters."""

    facet_id: str
    key: str | None = None
    kind: str | None = None
    label: str | None = None
    coverage: str | None = None
    text: str | None = None
    requirements: tuple[Requirement, ...] | None = None
    page_start: int | None = None
    page_end: int | None = None


@frozen(kw_only=True)
class ProjectSpecification(Record):
    """One section of a specification, or one specification document: the pages disagree."""

    specification_id: str
    file_id: str | None = None
    file_name: str | None = None
    section_number: str | None = None
    section_title: str | None = None
    page_start: int | None = None
    page_end: int | None = None
    facets: tuple[Facet, ...] | None = None
    artifacts: tuple[Artifact, ...] | None = None


@frozen(kw_only=True)
class SectionPart(Record):
    """A part of a section."""

    label: str | None = None
    title: str | None = None
    text: str | None = None
    page_start: int | None = None
    page_end: int | None = None


@frozen(kw_only=True)
class SectionProduct(Record):
    """A product that a section names."""

    bare_attribute = "name"

    name: str | None = None
    description: str | None = None
    supporting_requirements: tuple[Requirement, ...] | None = None


@frozen(kw_only=True)
class SectionWarning(Record):
    """Something the reader of a section should know."""

    bare_attribute = "message"

    code: str | None = None
    message: str | None = None


@frozen(kw_only=True)
class SpecificationSection(Record):
    """A section such as ``03 30 00``, with its whole text. Most lists come with the single section only."""

    section_id: str
    specification_id: str | None = None
    section_number: str | None = None
    title: str | None = None
    page_start: int | None = None
    page_end: int | None = None
    text: str | None = None
    text_length: int | None = None
    parts: tuple[SectionPart, ...] | None = None
    products: tuple[SectionProduct, ...] | None = None
    submittals: tuple[Requirement, ...] | None = None
    references: tuple[Requirement, ...] | None = None
    related_sections: tuple[Any, ...] | None = field(default=None, hash=False)
    quality: tuple[Requirement, ...] | None = None
    execution: tuple[Requirement, ...] | None = None
    warnings: tuple[SectionWarning, ...] | None = None
    facets: tuple[Facet, ...] | None = None
    artifacts: tuple[Artifact, ...] | None = None
