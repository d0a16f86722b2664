"""Projects (page "The Project Object"; the properties beside the name came with version 1.8)."""

from __future__ import annotations

from datetime import date, datetime

from attrs import frozen

from .record import OpenEnum, Record

__all__ = ["Project", "ProjectType"]


class ProjectType(OpenEnum):
    """What is built."""

    GENERAL = "general"
    MANUFACTURING = "manufacturing"
    POWER = "power"
    WATER_SEWER_WASTE = "water-sewer-waste"
    INDUSTRIAL_PETROLEUM = "industrial-petroleum"
    TRANSPORTATION = "transportation"
    HAZARDOUS_WASTE = "hazardous-waste"
    TELECOM = "telecom"
    EDUCATION_K_12 = "education-k-12"
    EDUCATION_HIGHER = "education-higher"
    GOV_FEDERAL = "gov-federal"
    GOV_STATE_LOCAL = "gov-state-local"
    OTHER = "other"


@frozen
class Project(Record):
    """A project.

    Attributes:
        uid: identifies it.
        name: as shown.
        custom_id: the number that its company gives it.
        organization_id: of the organization it belongs to.
        type: what is built.
        status: free text.
        owner: free text.
        start_date, end_date: calendar dates.
        street_1, street_2, city, region, postal_code: its address.
        country: two letters (ISO 3166).
        latitude, longitude: as the service writes them.
        updated_at: when it changed; changes of its records do not count.
    """

    uid: str
    name: str | None = None
    custom_id: str | None = None
    organization_id: str | None = None
    type: ProjectType | None = None
    status: str | None = None
    owner: str | None = None
    start_date: date | None = None
    end_date: date | None = None
    street_1: str | None = None
    street_2: str | None = None
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None
    latitude: str | None = None
    longitude: str | None = None
    updated_at: datetime | None = None
