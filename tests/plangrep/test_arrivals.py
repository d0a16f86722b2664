from __future__ import annotations

import asyncio
from typing import Any

from plangrep_async.errors import APIConnectionError
from plangrep_async.plangrep import Job
from plangrep_async.plangrep.uploads.arrivals import Arrivals, count_names
from plangrep_async.testing import ManualClock, settle
from plangrep_async.upload import NOT_STORED, UNKNOWN


def job(*names: str, **more: Any) -> Job:
    files = [{"id": f"file_{index}", "fileName": name} for index, name in enumerate(names)]
    return Job.from_dict({"id": "j", "projectId": "p", "status": "uploading", "files": files, **more})


class Api:
    """Shows one job after the other."""

    def __init__(self, clock: ManualClock, *jobs: Job | Exception) -> None:
        self.clock = clock
        self.jobs = list(jobs)
        self.readings = 0

    async def turn(self) -> None:
        await self.clock.sleep(5)

    async def __call__(self) -> Job:
        self.readings += 1
        shown = self.jobs.pop(0) if len(self.jobs) > 1 else self.jobs[0]
        if isinstance(shown, Exception):
            raise shown
        return shown


def watch(api: Api, before: Job) -> Arrivals:
    return Arrivals(api, api.turn, count_names(before))


async def look(arrivals: Arrivals, clock: ManualClock, name: str = "a.pdf", flow_id: str = "flow") -> Any:
    task = asyncio.ensure_future(arrivals.look(name, flow_id))
    await clock.run_until_idle()
    return await task


async def test_a_file_that_the_job_shows_has_arrived(clock: ManualClock) -> None:
    arrivals = watch(Api(clock, job("b.pdf", "a.pdf")), job())
    await arrivals.begin("a.pdf")
    found = await look(arrivals, clock)
    assert found.stored is True
    assert found.evidence.id == "file_1"


async def test_a_file_that_was_there_before_is_not_taken_for_it(clock: ManualClock) -> None:
    api = Api(clock, job("a.pdf"))
    arrivals = watch(api, job("a.pdf"))
    assert await look(arrivals, clock) is NOT_STORED
    assert api.readings == 2, "asked again before it is given up"
    assert (await look(watch(Api(clock, job("a.pdf", "a.pdf")), job("a.pdf")), clock)).stored is True


async def test_nor_one_of_the_same_name_that_was_confirmed_meanwhile(clock: ManualClock) -> None:
    arrivals = watch(Api(clock, job("a.pdf")), job())
    await arrivals.begin("a.pdf")
    arrivals.end("a.pdf", stored=True)
    await arrivals.begin("a.pdf")
    assert await look(arrivals, clock) is NOT_STORED


async def test_it_may_take_a_moment_to_appear(clock: ManualClock) -> None:
    arrivals = watch(Api(clock, job(), job("a.pdf")), job())
    assert (await look(arrivals, clock)).stored is True


async def test_the_trace_id_is_proof_enough(clock: ManualClock) -> None:
    listed = {"id": "f", "fileName": "renamed.pdf", "clientUploadFlowId": "flow"}
    arrivals = watch(Api(clock, job(files=[listed])), job())
    assert (await look(arrivals, clock)).evidence.id == "f"


async def test_a_job_that_lists_nothing_tells_nothing(clock: ManualClock) -> None:
    assert await look(watch(Api(clock, job(files=None)), job()), clock) is UNKNOWN


async def test_a_job_that_cannot_be_read_tells_nothing(clock: ManualClock) -> None:
    assert await look(watch(Api(clock, APIConnectionError("down")), job()), clock) is UNKNOWN


async def test_one_reading_serves_all_who_ask(clock: ManualClock) -> None:
    names = [f"{number}.pdf" for number in range(30)]
    api = Api(clock, job(*names))
    arrivals = watch(api, job())
    tasks = [asyncio.ensure_future(arrivals.look(name, name)) for name in names]
    await clock.run_until_idle()
    assert all(found.stored for found in await asyncio.gather(*tasks))
    assert api.readings == 1


async def test_files_of_one_name_go_one_after_the_other(clock: ManualClock) -> None:
    arrivals = watch(Api(clock, job()), job())
    await arrivals.begin("a.pdf")
    await asyncio.wait_for(arrivals.begin("b.pdf"), 1)
    second = asyncio.ensure_future(arrivals.begin("a.pdf"))
    await settle()
    assert not second.done()
    arrivals.end("a.pdf", stored=False)
    await asyncio.wait_for(second, 1)


async def test_a_reading_that_failed_tells_nothing_to_all_who_waited_for_it(clock: ManualClock) -> None:
    api = Api(clock, APIConnectionError("down"), job())
    arrivals = watch(api, job())
    tasks = [asyncio.ensure_future(arrivals.look(name, name)) for name in ("a.pdf", "b.pdf")]
    await clock.run_until_idle()
    assert await asyncio.gather(*tasks) == [UNKNOWN, UNKNOWN]
    assert api.readings == 1
