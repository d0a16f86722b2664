from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from plangrep_async.errors import BadRequestError, ServerError
from plangrep_async.plangrep import Registration, UploadInstruction
from plangrep_async.plangrep.uploads.registrar import Registrar
from plangrep_async.testing import settle


def registration(name: str) -> Registration:
    return Registration(file_name=name, content_type="x", file_size=1, sha256="0" * 64)


class Api:
    """Registers when it is let."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.gate = asyncio.Event()
        self.refuse: dict[str, Exception] = {}

    async def __call__(self, files: Sequence[Registration]) -> Sequence[UploadInstruction]:
        names = [file.file_name for file in files]
        self.calls.append(names)
        await self.gate.wait()
        for name in names:
            if name in self.refuse:
                raise self.refuse[name]
        return [UploadInstruction(document_id=f"doc of {name}", upload_mode="direct_put") for name in names]  # type: ignore[arg-type]


async def test_what_waits_leaves_together() -> None:
    api = Api()
    registrar = Registrar(api)
    first = asyncio.ensure_future(registrar(registration("a")))
    await settle()
    rest = [asyncio.ensure_future(registrar(registration(f"f{number}"))) for number in range(150)]
    await settle()
    api.gate.set()
    assert (await first).document_id == "doc of a"
    assert [item.document_id for item in await asyncio.gather(*rest)] == [f"doc of f{n}" for n in range(150)]
    assert [len(call) for call in api.calls] == [1, 100, 50]


async def test_what_is_ready_in_one_turn_leaves_together() -> None:
    api = Api()
    api.gate.set()
    registrar = Registrar(api)
    await asyncio.gather(*(registrar(registration(str(number))) for number in range(7)))
    assert [len(call) for call in api.calls] == [7]


async def test_one_bad_file_does_not_stop_the_others() -> None:
    api = Api()
    api.gate.set()
    api.refuse["bad"] = BadRequestError("no", status=400)
    registrar = Registrar(api)
    good, bad, fine = await asyncio.gather(
        *(registrar(registration(name)) for name in ("good", "bad", "fine")), return_exceptions=True
    )
    assert isinstance(good, UploadInstruction)
    assert isinstance(fine, UploadInstruction)
    assert isinstance(bad, BadRequestError)
    assert api.calls == [["good", "bad", "fine"], ["good"], ["bad"], ["fine"]]


async def test_an_outage_is_told_to_all_and_not_multiplied() -> None:
    api = Api()
    api.gate.set()
    api.refuse["b"] = ServerError("down", status=503)
    registrar = Registrar(api)
    ends = await asyncio.gather(*(registrar(registration(name)) for name in "abc"), return_exceptions=True)
    assert all(isinstance(end, ServerError) for end in ends)
    assert len(api.calls) == 1
    api.refuse.clear()
    assert (await registrar(registration("d"))).document_id == "doc of d", "and it goes on afterwards"


async def test_a_cancelled_caller_is_left_out() -> None:
    api = Api()
    registrar = Registrar(api)
    first = asyncio.ensure_future(registrar(registration("a")))
    await settle()
    gone = asyncio.ensure_future(registrar(registration("gone")))
    kept = asyncio.ensure_future(registrar(registration("kept")))
    await settle()
    gone.cancel()
    await settle()
    api.gate.set()
    await asyncio.gather(first, kept)
    assert api.calls == [["a"], ["kept"]]


async def test_a_caller_that_is_cancelled_under_way_harms_nobody() -> None:
    api = Api()
    registrar = Registrar(api)
    tasks = [asyncio.ensure_future(registrar(registration(name))) for name in "ab"]
    await settle()
    tasks[0].cancel()
    await settle()
    api.gate.set()
    assert (await tasks[1]).document_id == "doc of b"


async def test_closing_cancels_whoever_waits() -> None:
    api = Api()
    registrar = Registrar(api)
    tasks = [asyncio.ensure_future(registrar(registration("a")))]
    await settle()
    tasks.append(asyncio.ensure_future(registrar(registration("b"))))
    await settle()
    await registrar.aclose()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ends)
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
