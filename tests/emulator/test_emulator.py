from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from plangrep_async.emulator import Emulator, Fault, PlangrepSettings, Ports, S3Storage


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith(("plangrep-emu", "emulator-"))}


def headers(emulator: Emulator) -> dict[str, str]:
    return {"Authorization": f"Bearer {emulator.api_key}"}


def complete_a_job(emulator: Emulator, bare: httpx.Client) -> httpx.Response:
    base = f"{emulator.plangrep_url}/api/open/v1"
    project = bare.post(f"{base}/projects", json={"name": "A"}, headers=headers(emulator)).json()["project"]["id"]
    emulator.clock.advance(1)
    job = bare.post(f"{base}/projects/{project}/jobs", json={}, headers=headers(emulator)).json()["job"]["id"]
    files = {"metadata": (None, "{}"), "file0": ("a", b"x")}
    bare.post(f"{base}/jobs/{job}/files", files=files, headers=headers(emulator))
    return bare.post(f"{base}/jobs/{job}/uploads/complete", headers=headers(emulator))


def test_three_origins_on_ports_of_their_own(emulator: Emulator, bare: httpx.Client) -> None:
    urls = {emulator.plangrep_url, emulator.plangrid_url, emulator.storage_url}
    assert len(urls) == 3
    for url in urls:
        assert url.startswith("http://127.0.0.1:")
        assert bare.get(f"{url}/nothing/here").status_code in (401, 403, 404)


def test_nothing_is_opened_before_the_start() -> None:
    descriptors = len(os.listdir("/proc/self/fd"))
    emulator = Emulator()
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert not emulator.running
    with pytest.raises(RuntimeError, match="first start"):
        _ = emulator.plangrep_url


def test_nothing_is_left_after_the_end(tmp_path: Path) -> None:
    descriptors = len(os.listdir("/proc/self/fd"))
    with Emulator(directory=tmp_path) as emulator:
        emulator.context.blobs.put(b"x" * 1_000_000)
        with httpx.Client() as client:
            client.get(emulator.plangrep_url)
        assert list(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == []
    assert threads() == set()
    assert len(os.listdir("/proc/self/fd")) == descriptors
    emulator.stop()


async def test_async_with_does_not_block_the_loop() -> None:
    async with Emulator() as emulator, httpx.AsyncClient() as client:
        assert (await client.get(f"{emulator.plangrep_url}/x")).status_code == 404
    assert not emulator.running


def test_given_ports_and_taken_ones() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port} for plangrid"):
            Emulator(ports=Ports(plangrid=port)).start()
    with Emulator(ports=Ports(plangrid=port)) as emulator:
        assert emulator.plangrid_url == f"http://127.0.0.1:{port}"


def test_a_killed_emulator_resets_and_refuses_and_comes_back_with_its_state(bare: httpx.Client) -> None:
    with Emulator() as emulator:
        url = f"{emulator.plangrep_url}/api/open/v1/projects"
        bare.post(url, json={"name": "Tower"}, headers=headers(emulator))
        emulator.faults.add("GET *", Fault.stall())
        outcome: list[Exception] = []

        def wait_for_answer() -> None:
            try:
                httpx.get(url, headers=headers(emulator))
            except httpx.TransportError as error:
                outcome.append(error)

        waiting = threading.Thread(target=wait_for_answer)
        waiting.start()
        while not emulator.requests.in_flight["plangrep"]:
            pass
        emulator.kill()
        waiting.join(5)
        assert isinstance(outcome[0], httpx.ReadError)
        with pytest.raises(httpx.ConnectError):
            httpx.get(url)
        emulator.faults.clear()
        emulator.start()
        assert [item["name"] for item in bare.get(url, headers=headers(emulator)).json()["projects"]] == ["Tower"]


@pytest.mark.parametrize("end", [Emulator.stop, Emulator.kill])
@pytest.mark.parametrize("stall", [None, Fault.stall(), Fault.stall("in_answer")], ids=["body", "stall", "answer"])
def test_ending_under_a_request_is_no_defect(
    end: Callable[[Emulator], None], stall: Fault | None, caplog: pytest.LogCaptureFixture
) -> None:
    with Emulator() as emulator:
        body = b'{"name": "Tower"}'
        if stall is None:
            body = body[:5]
        else:
            emulator.faults.add("*", stall)
        head = f"Authorization: Bearer {emulator.api_key}\r\nContent-Length: 17"
        port = int(emulator.plangrep_url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(f"POST /api/open/v1/projects HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode() + body)
            while not emulator.requests.in_flight["plangrep"]:
                pass
            end(emulator)
    assert caplog.records == []


def test_a_handler_that_is_cancelled_by_mistake_is_told_of(
    bare: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    def explode(name: str, page: int) -> bool:
        raise asyncio.CancelledError

    with Emulator(plangrep=PlangrepSettings.instant(page_fails=explode)) as emulator:
        assert complete_a_job(emulator, bare).status_code == 500
    assert "ASGI" in caplog.text


def test_it_starts_once() -> None:
    with Emulator() as emulator, pytest.raises(RuntimeError, match="already"):
        emulator.start()


def test_kept_connections_can_be_dropped_from_the_server_side(emulator: Emulator) -> None:
    with httpx.Client() as client:
        for url in (emulator.plangrep_url, emulator.storage_url):
            client.get(url)
        assert emulator.drop_connections("storage") == 1
        assert emulator.drop_connections("storage") == 0
        assert emulator.drop_connections() == 1


def test_a_request_under_way_is_not_dropped_unless_asked(emulator: Emulator) -> None:
    emulator.faults.add("*", Fault.stall())
    connection = socket.create_connection(("127.0.0.1", int(emulator.plangrep_url.rpartition(":")[2])), timeout=5)
    with connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        while not emulator.requests.in_flight["plangrep"]:
            pass
        assert emulator.drop_connections() == 0
        assert emulator.drop_connections(idle_only=False) == 1
        assert connection.recv(1) == b""


def test_reset_forgets_state_requests_and_faults(emulator: Emulator, bare: httpx.Client) -> None:
    url = f"{emulator.plangrep_url}/api/open/v1/projects"
    bare.post(url, json={"name": "Tower"}, headers=headers(emulator))
    bare.get(f"{emulator.storage_url}/b/k", headers={"Authorization": "x"})
    emulator.faults.add("POST *", Fault.cut())
    emulator.clock.advance(30)
    emulator.reset()
    assert emulator.plangrep.projects == []
    assert emulator.requests.records() == []
    assert not emulator.violations
    assert bare.post(url, json={"name": "Tower"}, headers=headers(emulator)).status_code == 202
    emulator.clock.advance(60)
    assert emulator.plangrep.projects[0].status == "provisioning"
    emulator.clock.advance(30)
    assert emulator.plangrep.projects[0].status == "ready"


def test_the_same_seed_gives_the_same_identifiers(bare: httpx.Client) -> None:
    def first_id(seed: int) -> str:
        with Emulator(seed=seed) as emulator:
            url = f"{emulator.plangrep_url}/api/open/v1/projects"
            project_id: str = bare.post(url, json={"name": "A"}, headers=headers(emulator)).json()["project"]["id"]
            return project_id

    assert first_id(5) == first_id(5)
    assert first_id(5) != first_id(6)


def test_a_defect_of_a_handler_is_a_500_and_is_kept(bare: httpx.Client) -> None:
    def explode(name: str, page: int) -> bool:
        raise RuntimeError("defect")

    with Emulator(plangrep=PlangrepSettings.instant(page_fails=explode)) as emulator:
        answer = complete_a_job(emulator, bare)
        assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
        assert [str(error) for error in emulator.failures] == ["defect"]


def test_unknown_routes_and_methods(emulator: Emulator, bare: httpx.Client) -> None:
    unknown = bare.get(f"{emulator.plangrep_url}/api/open/v1/nothing")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "not_found")
    wrong = bare.delete(f"{emulator.plangrep_url}/api/open/v1/projects")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD, POST")


def test_the_date_header_follows_the_emulators_clock(emulator: Emulator, bare: httpx.Client) -> None:
    before = bare.get(emulator.plangrep_url).headers["date"]
    emulator.clock.advance(86400)
    after = bare.get(emulator.plangrep_url).headers["date"]
    assert before[:3] != after[:3]


def test_requests_are_counted_by_route_method_and_status(emulator: Emulator, bare: httpx.Client) -> None:
    url = f"{emulator.plangrep_url}/api/open/v1/projects"
    bare.get(url)
    bare.get(url, headers=headers(emulator))
    bare.get(f"{url}/proj_x", headers=headers(emulator))
    log = emulator.requests
    assert log.count("GET /api/open/v1/projects") == 2
    assert log.count("GET /api/open/v1/projects", status=401) == 1
    assert log.count("GET /api/open/v1/projects/{anything}", status=404) == 1
    assert log.count(service="plangrep") == 3
    assert log.count(service="storage") == 0
    assert [record.status for record in log.records(service="plangrep")] == [401, 200, 404]
    assert log.records()[1].headers["authorization"] == "<present>"
    assert log.counts()["plangrep", "GET", "/api/open/v1/projects", 200] == 1
    log.clear()
    assert (log.count(), log.records()) == (0, [])


def test_the_log_is_bounded_and_the_counters_are_not(bare: httpx.Client) -> None:
    with Emulator(log_size=3) as emulator:
        for _ in range(5):
            bare.get(emulator.plangrep_url)
        assert len(emulator.requests.records()) == 3
        assert emulator.requests.count() == 5


async def test_the_most_requests_at_once_are_known(emulator: Emulator) -> None:
    emulator.faults.add("*", Fault.stall())
    async with httpx.AsyncClient() as client:
        calls = [
            asyncio.create_task(client.get(f"{emulator.plangrep_url}/api/open/v1/projects", headers=headers(emulator)))
            for _ in range(7)
        ]
        while emulator.requests.in_flight["plangrep"] < 7:
            await asyncio.sleep(0.001)
        emulator.faults.clear()
        await asyncio.gather(*calls)
    assert emulator.requests.peak_in_flight("plangrep") == 7
    assert emulator.requests.peak_in_flight("GET /api/open/v1/projects") == 7


def test_many_small_calls_are_answered_on_few_connections(emulator: Emulator, bare: httpx.Client) -> None:
    for _ in range(300):
        assert bare.get(f"{emulator.plangrep_url}/api/open/v1/projects", headers=headers(emulator)).status_code == 200
    assert emulator.requests.count("GET /api/open/v1/projects", status=200) == 300


def test_a_stopped_emulator_starts_anew_with_its_address(bare: httpx.Client) -> None:
    emulator = Emulator().start()
    url = f"{emulator.plangrep_url}/api/open/v1/projects"
    bare.post(url, json={"name": "Tower"}, headers=headers(emulator))
    emulator.stop()
    assert [project.name for project in emulator.plangrep.projects] == ["Tower"]
    with emulator:
        assert bare.get(url, headers=headers(emulator)).json() == {"projects": []}


def test_a_storage_that_does_not_answer_is_told_at_the_start() -> None:
    emulator = Emulator(storage=S3Storage("http://127.0.0.1:1", "key", "secret"))
    with pytest.raises(RuntimeError, match="did not start") as caught:
        emulator.start()
    assert isinstance(caught.value.__cause__, httpx.ConnectError)
    assert not emulator.running
