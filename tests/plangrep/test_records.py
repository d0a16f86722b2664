from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.plangrep import models
from plangrep_async.plangrep._codec import DEFAULT_CODEC, Codec
from plangrep_async.plangrep.models import (
    Artifact,
    Classification,
    Facet,
    Job,
    JobCreated,
    JobResult,
    JobStatus,
    Project,
    ProjectCreated,
    ProjectOverview,
    Record,
    ResultProblem,
    SourceSearchResult,
    UploadInstruction,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ALL_RECORDS = sorted(
    (item for item in vars(models).values() if isinstance(item, type) and issubclass(item, Record)),
    key=lambda item: item.__name__,
)


@pytest.mark.parametrize(
    ("name", "kind", "key"),
    [
        ("create_project_guide", ProjectCreated, None),
        ("create_project", ProjectCreated, None),
        ("project_summary", ProjectOverview, None),
        ("create_job_guide", JobCreated, None),
        ("cancel_job", Job, "job"),
        ("job_result", JobResult, None),
        ("source_search", SourceSearchResult, None),
    ],
)
def test_every_documented_payload_is_understood_whole(
    sample: Callable[[str], Any], name: str, kind: type[Record], key: str | None
) -> None:
    data = sample(name)[key] if key else sample(name)
    record = DEFAULT_CODEC.read(data, kind)
    assert not list(_unknown(record)), "a documented field has no attribute"
    assert DEFAULT_CODEC.read(record.to_dict(), kind) == record


def _unknown(value: Any) -> Any:
    if isinstance(value, Record):
        yield from value.extra
        for attribute in attrs.fields(type(value)):
            yield from _unknown(getattr(value, attribute.name))
    elif isinstance(value, tuple):
        for item in value:
            yield from _unknown(item)


def test_values_have_their_types(sample: Callable[[str], Any]) -> None:
    job = DEFAULT_CODEC.read(sample("cancel_job")["job"], Job)
    assert job.status is JobStatus.CANCELLED
    assert job.completed_at == datetime(2024, 11, 2, 9, 22, 17, tzinfo=UTC)
    assert job.limits is not None
    assert job.limits.max_declared_bytes == 10_000_000_000
    assert job.files is not None
    assert job.files[0].file_name == "architectural_drawings.pdf"
    assert job.result_url is None


def test_absent_fields_are_none() -> None:
    job = Job.from_dict({"id": "job_1", "projectId": "proj_1", "status": "processing"})
    assert (job.limits, job.files, job.page_count, job.created_at, job.external_id) == (None,) * 5


@pytest.mark.parametrize("kind", ALL_RECORDS, ids=lambda kind: kind.__name__)
def test_unknown_fields_survive_a_round_trip(kind: type[Record]) -> None:
    data = {**_least(kind), "brandNew": {"deep": [1, None, "x"]}}
    record = DEFAULT_CODEC.read(data, kind)
    assert record.extra["brandNew"] == {"deep": [1, None, "x"]}
    written = record.to_dict()
    assert written["brandNew"] == {"deep": [1, None, "x"]}
    assert json.loads(json.dumps(written)) == written
    assert DEFAULT_CODEC.read(written, kind) == record


def _least(kind: type[Record]) -> dict[str, Any]:
    """Just what a record needs."""
    data: dict[str, Any] = {}
    attrs.resolve_types(kind)
    for attribute in attrs.fields(kind):
        if attribute.default is attrs.NOTHING:
            inner = attribute.type
            value: Any = 1 if inner is int else []
            if isinstance(inner, type) and issubclass(inner, Record):
                value = _least(inner)
            elif isinstance(inner, type) and issubclass(inner, str):
                value = "text"
            data[DEFAULT_CODEC.spellings(kind, attribute.name)[0]] = value
    return data


@given(JSON, st.sampled_from([attribute.name for attribute in attrs.fields(Job) if attribute.default is None]))
def test_an_odd_value_of_an_optional_field_costs_only_that_field(value: Any, name: str) -> None:
    wire = DEFAULT_CODEC.spellings(Job, name)[0]
    job = Job.from_dict({"id": "job_1", "projectId": "proj_1", "status": "processing", wire: value})
    assert job.id == "job_1"
    if getattr(job, name) is None and value is not None:
        assert job.extra[wire] == value
        assert job.to_dict()[wire] == value


@pytest.mark.parametrize(
    ("data", "names"),
    [
        ({}, "id"),
        ({"id": None, "projectId": "p", "status": "x"}, "id"),
        ({"id": ["secret"], "projectId": "p", "status": "x"}, "id"),
        ({"id": "j", "projectId": "p", "status": 1.5}, "status"),
        ([], "Job"),
        ("secret", "Job"),
        (None, "Job"),
    ],
)
def test_what_identifies_a_record_must_be_right(data: Any, names: str) -> None:
    with pytest.raises(ValueError, match=names) as caught:
        DEFAULT_CODEC.read(data, Job)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["documents", "evidence", "warnings", "errors"])
def test_an_array_that_is_none_is_an_error_where_the_result_depends_on_it(
    sample: Callable[[str], Any], name: str
) -> None:
    with pytest.raises(ValueError, match=name):
        JobResult.from_dict({**sample("job_result"), name: {"0": {}}})


def test_arrays_that_a_result_may_lack_are_empty(sample: Callable[[str], Any]) -> None:
    result = JobResult.from_dict({**sample("job_result"), "evidence": None, "errors": None})
    assert (result.evidence, result.errors) == ((), ())


def test_unknown_enumeration_values_are_kept() -> None:
    status = JobStatus("paused_for_review")
    assert status == "paused_for_review"
    assert not status.is_known
    assert not status.is_terminal
    assert JobStatus.FAILED.is_known
    assert {"failed": 1}[JobStatus.FAILED] == 1
    assert pickle.loads(pickle.dumps(status)) == status
    assert copy.deepcopy(status) == status
    job = Job.from_dict({"id": "j", "projectId": "p", "status": "paused_for_review"})
    assert job.to_dict()["status"] == "paused_for_review"
    with pytest.raises(ValueError):
        Classification(3)


def test_records_can_be_hashed_compared_and_not_changed() -> None:
    first = Facet.from_dict({"facetId": "f", "requirements": ["one"], "odd": [1]})
    assert first == Facet.from_dict({"facetId": "f", "requirements": ["one"], "odd": [1]})
    assert hash(first) == hash(Facet.from_dict({"facetId": "f", "requirements": ["one"], "odd": [2]}))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        first.facet_id = "g"  # type: ignore[misc]


def test_a_bare_value_stands_for_its_object_where_a_shape_is_not_documented() -> None:
    assert Codec().read("page 3 is blank", ResultProblem).message == "page 3 is blank"
    with pytest.raises(ValueError):
        Codec().read("page 3 is blank", Project)


def test_project_upgrades() -> None:
    def project(upgrade: Any) -> Project:
        return Project.from_dict({"id": "p", "status": "ready", "runtime": {"upgradeStatus": upgrade}})

    assert project(None).is_ready
    assert project("none").is_ready
    assert project("running").is_upgrading
    assert not project("running").is_ready
    assert Project.from_dict({"id": "p", "status": "ready"}).is_ready


def test_nothing_secret_is_in_a_repr(sample: Callable[[str], Any]) -> None:
    created = JobCreated.from_dict({**sample("create_job_guide"), "newToken": "hush-1"})
    instruction = UploadInstruction.from_dict(
        {
            "documentId": "doc_1",
            "uploadMode": "direct_put",
            "uploadUrl": "https://storage.test/key?X-Amz-Signature=hush-2",
            "uploadToken": "hush-3",
            "headers": {"x-amz-meta-grant": "hush-4"},
            "parts": ["https://storage.test/key?part=1&sig=hush-5"],
            "uploadId": "hush-6",
        }
    )
    artifact = Artifact.from_dict({"type": "t", "url": "https://plangrep.test/a?token=hush-7"})
    shown = repr((created, instruction, artifact)) + str(created.webhook_signing_secret) + f"{instruction}"
    assert "hush" not in shown
    assert "wss_" not in shown
    assert created.webhook_signing_secret is not None
    assert created.webhook_signing_secret.reveal() == "wss_not-a-real-one"
    assert created.to_dict()["webhookSigningSecret"] == "wss_not-a-real-one"
