from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plangrep_async.errors import APIStatusError
from plangrep_async.plangrid import ENDPOINTS, Endpoint, PlanGridClient, ProjectScope

DOCUMENTED = (Path(__file__).parent.parent / "samples" / "plangrid" / "endpoints.txt").read_text().split("\n")[:-1]
BODIES: dict[str, dict[str, Any]] = {
    "projects.create": {"name": "n"},
    "projects.update": {"name": "n"},
    "project.attachments.request_upload": {"name": "n"},
    "project.attachments.update": {"name": "n"},
    "project.photos.request_upload": {"title": "t", "content_type": "image/png"},
    "project.photos.update": {"title": "t"},
    "project.rfis.create": {"title": "t"},
    "project.rfis.update": {"title": "t"},
    "project.rfis.attachments(rfi_uid).add": {"uid": "a"},
    "project.rfis.photos(rfi_uid).add": {"uid": "a"},
    "project.rfi_statuses.update": {"label": "l"},
    "project.sheets.request_version": {"version_name": "v", "num_files": 1},
    "project.sheets.request_file": {"file_name": "f.pdf"},
    "project.sheets.create_packet": {"sheet_uids": ["s"]},
    "project.users.invite": {"email": "e@x"},
    "project.users.update": {"role_uid": "r"},
}
EMPTY_POSTS = {"project.sheets.complete_version"}


def shape(method: str, path: str) -> tuple[str, str]:
    """An endpoint without the names of its parameters."""
    path = path.replace("...", "/projects/:project_uid")
    return method, re.sub(r"\{\w+\}|:\w+", "*", path)


def test_the_table_is_the_documentation_s_list_of_58() -> None:
    table = [shape(endpoint.method, endpoint.path) for endpoint in ENDPOINTS]
    documented = [shape(*line.split()) for line in DOCUMENTED]

    assert len(documented) == 58
    assert len(set(table)) == len(table), "an endpoint is there twice"
    assert set(table) == set(documented)


def test_no_two_endpoints_share_a_method_of_the_client() -> None:
    assert len({endpoint.call for endpoint in ENDPOINTS}) == 58


def call_of(client: PlanGridClient, endpoint: Endpoint) -> Any:
    """The endpoint's method called with its path's placeholders as uids, in order."""
    names = iter([name for name in re.findall(r"\{(\w+)\}", endpoint.path) if name != "project_uid"])
    target: Any = client.project("project_uid") if endpoint.call.startswith("project.") else client
    steps = endpoint.call.removeprefix("project.").split(".")
    for step in steps[:-1]:
        name, _, argument = step.partition("(")
        target = getattr(target, name)
        if argument:
            target = target(next(names))
    method = getattr(target, steps[-1])
    if endpoint.call == "batch":
        project = client.project("project_uid")
        return method([project.issues.get("a"), project.issues.get("b")])
    arguments = dict(BODIES.get(endpoint.call, {}))
    for parameter in inspect.signature(method).parameters.values():
        required = parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        if required and parameter.name not in arguments:
            arguments[parameter.name] = "project_uid" if endpoint.call.startswith("projects.") else next(names)
    return method(**arguments)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}")
async def test_each_method_sends_its_endpoint_s_method_and_path(
    endpoint: Endpoint, client: PlanGridClient, wire: Any
) -> None:
    outcome = (await asyncio.gather(call_of(client, endpoint), return_exceptions=True))[0]

    assert isinstance(outcome, APIStatusError | list), outcome
    request = wire.requests[0]
    expected = re.sub(r"\{(\w+)\}", r"\1", endpoint.path)
    assert (request.method, request.url.path) == (endpoint.method, expected)
    assert request.headers["accept"] == "application/vnd.plangrid+json; version=1"
    assert request.headers["authorization"].startswith("Basic ")
    if endpoint.method in ("POST", "PATCH"):
        assert request.headers["content-type"] == "application/json"
        assert bool(request.content) == (endpoint.call not in EMPTY_POSTS)
    else:
        assert request.content == b""


LATER: dict[str, Callable[[PlanGridClient, ProjectScope], Any]] = {
    "GET /me": lambda c, p: c.me(),
    "GET /projects/p/issue_lists": lambda c, p: p.issue_lists.page(),
    "GET /projects/p/issue_lists/l": lambda c, p: p.issue_lists.get("l"),
    "POST /projects/p/issue_lists": lambda c, p: p.issue_lists.create("n"),
    "PATCH /projects/p/issue_lists/l": lambda c, p: p.issue_lists.update("l", name="n"),
    "DELETE /projects/p/issue_lists/l": lambda c, p: p.issue_lists.remove("l"),
    "GET /projects/p/version_sets": lambda c, p: p.version_sets.page(),
    "GET /projects/p/field_reports": lambda c, p: p.field_reports.page(),
    "POST /projects/p/field_reports/export": lambda c, p: p.field_reports.export(["f"], timezone="UTC"),
    "GET /projects/p/field_reports/export/x": lambda c, p: p.field_reports.get_export("x"),
    "GET /projects/p/field_report_templates": lambda c, p: p.field_report_templates.page(),
    "POST /projects/p/issues": lambda c, p: p.issues.create(title="t"),
    "PATCH /projects/p/issues/i": lambda c, p: p.issues.update("i", title="t"),
}


@pytest.mark.parametrize("endpoint", LATER)
async def test_endpoints_of_later_versions(endpoint: str, client: PlanGridClient, wire: Any) -> None:
    with pytest.raises(APIStatusError):
        await LATER[endpoint](client, client.project("p"))

    request = wire.requests[0]
    assert f"{request.method} {request.url.path}" == endpoint


def test_each_resource_has_no_public_method_that_leads_nowhere(client: PlanGridClient) -> None:
    """Whatever a resource offers is an endpoint of the table, a variant of one, or of the later versions."""
    known = {endpoint.call for endpoint in ENDPOINTS}
    variants = {"list", "upload", "make_upload", "upload_each", "upload_many", "download"}
    later = {
        "issues.create",
        "issues.update",
        "sheets.upload_version",
        "sheets.resume_version",
        "sheets.wait_for_packet",
        "sheets.download_packet",
    }
    nested = {"comments", "photos", "attachments", "snapshots", "history"}
    project = client.project("p")
    documented = [
        "annotations",
        "attachments",
        "comments",
        "issues",
        "photos",
        "rfis",
        "rfi_statuses",
        "roles",
        "sheets",
    ]
    for resource in [*documented, "snapshots", "users"]:
        for name, _ in inspect.getmembers(getattr(project, resource), callable):
            if name.startswith("_") or name in variants | nested:
                continue
            assert f"project.{resource}.{name}" in known or f"{resource}.{name}" in later, name


async def test_uids_are_opaque_and_escaped(client: PlanGridClient, wire: Any) -> None:
    with pytest.raises(APIStatusError):
        await client.project("a/b c").issues.get("é?x=1#y%2F")

    assert wire.requests[0].url.raw_path == b"/projects/a%2Fb%20c/issues/%C3%A9%3Fx%3D1%23y%252F"
