"""Uploads in parts: several at once, each repeated alone, each confirmed part kept."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from ..errors import ChecksumMismatchError, InvalidInputError, StorageError, TransferError, UploadError
from ..session.redaction import redact_url
from .bodies import part_request
from .delivery import Delivery
from .parts import ConfirmedPart, Part, count_parts, part
from .readers import OpenSource
from .targets import MultipartTarget, PartRequest, Target
from .task import StartOver, Stored
from .verdict import Judgement, Verdict, judge_answer, judge_failure
from .wire import WireAnswer, WireRequest

__all__ = ["send_multipart"]


async def send_multipart(delivery: Delivery, target: MultipartTarget) -> Stored | Target:
    """Send what is missing, then finish the session. Gives another target back when a renewal brought another session.

    Raises:
        InvalidInputError: the target does not fit the file.
        StartOver: the session is gone.
        StorageError, TransferError, ChecksumMismatchError: the last failure of a part. The session is left as it is,
            for resume.
    """
    session = _Session(delivery, target)
    await session.take_stock()
    try:
        await session.send_missing()
    except _AnotherSession as another:
        return another.target
    await delivery.verify()
    parts = session.parts()
    target = session.target
    finished = None if target.finish is None else await target.finish(parts)
    return Stored(delivery.files, target.memo, target, parts=parts, finished=finished)


class _AnotherSession(Exception):
    def __init__(self, target: Target) -> None:
        super().__init__()
        self.target = target


class _Session:
    def __init__(self, delivery: Delivery, target: MultipartTarget) -> None:
        self._delivery = delivery
        self.target = target
        self._size = delivery.meter.size
        self._count = count_parts(self._size, target.part_size)
        self._confirmed: dict[int, ConfirmedPart] = {}
        self._mixed = delivery.state is not None and delivery.state.mixed
        self._generation = 0
        self._renewing = asyncio.Lock()
        self._check(target)

    def _check(self, target: MultipartTarget) -> None:
        if target.sign_part is None and len(target.part_urls) < self._count:
            raise InvalidInputError(
                f"MultipartTarget(part_urls=): {self._delivery.name} has {self._count} parts of {target.part_size} "
                f"bytes, and there are {len(target.part_urls)} URLs; give one for each part, or sign_part="
            )

    def parts(self) -> tuple[ConfirmedPart, ...]:
        """What is confirmed, by number."""
        return tuple(self._confirmed[number] for number in sorted(self._confirmed))

    async def take_stock(self) -> None:
        """Find out what the far end has already: from the saved state, or better from itself."""
        delivery = self._delivery
        before = () if delivery.state is None else delivery.state.parts
        known: Sequence[ConfirmedPart] = before
        list_parts = self._list_parts()
        if list_parts is not None and self.target.upload_id in delivery.begun:
            try:
                known = await list_parts()
            except StartOver:
                # A former process may have finished it and been killed before it could say so: finish() finds out.
                if self.target.finish is None or len(before) < self._count:
                    raise
        delivery.begun[self.target.upload_id] = 0 if self._mixed else self.target.part_size
        for one in known:
            if 1 <= one.number <= self._count and one.size == self._part(one.number).size:
                self._confirmed[one.number] = one
        delivery.meter.confirmed = sum(one.size for one in self._confirmed.values())
        if self.parts() != before:
            await delivery.save(parts=self.parts())

    async def send_missing(self) -> None:
        """Send all parts that are not confirmed, ``max_parts`` at a time. The first hopeless one stops the others."""
        missing = deque(number for number in range(1, self._count + 1) if number not in self._confirmed)

        async def pull() -> None:
            while missing:
                await self._send(self._part(missing.popleft()))

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._delivery.engine.settings.max_parts, len(missing))):
                    group.create_task(pull())
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from errors.exceptions[0].__cause__

    def _list_parts(self) -> Callable[[], Awaitable[Sequence[ConfirmedPart]]] | None:
        return None if self._mixed else self.target.list_parts

    def _part(self, number: int) -> Part:
        return part(number, self._size, self.target.part_size)

    async def _send(self, one: Part) -> None:
        delivery = self._delivery
        retries = delivery.retries()
        renewals = mismatches = 0
        while True:
            generation = self._generation
            request = await self._request(one)
            answer, judgement = await self._attempt(one, request, suspect=not renewals)
            if judgement.verdict is Verdict.STORED:
                assert isinstance(answer, WireAnswer)
                await self._confirm(self._confirmed_by(one, answer, request))
                return
            error = judgement.error
            assert error is not None
            if judgement.verdict is Verdict.REFUSED:
                raise error
            if judgement.verdict is Verdict.GONE:
                raise StartOver(f"the multipart session is gone: {error}") from error
            if judgement.verdict is Verdict.EXPIRED:
                renewals += 1
                if renewals > delivery.engine.settings.max_renewals:
                    raise error
                await self._renew(generation, error)
                continue
            pause = retries.wait(error, confirmed=delivery.meter.confirmed, retry_after=judgement.retry_after)
            mismatches += isinstance(error, ChecksumMismatchError)
            if judgement.verdict is Verdict.DOUBT and (list_parts := self._list_parts()) is not None:
                found = [listed for listed in await list_parts() if listed.number == one.number]
                if found and found[0].size == one.size:
                    await self._confirm(found[0])
                    return
            if pause is None or mismatches > 1:
                raise error
            await delivery.pause(pause)

    async def _attempt(
        self, one: Part, request: PartRequest, *, suspect: bool
    ) -> tuple[WireAnswer | TransferError, Judgement]:
        delivery = self._delivery

        def build(opened: Sequence[OpenSource]) -> WireRequest:
            return part_request(request, one, opened[0])

        answer, job = await delivery.transmit(request.url, build)
        if isinstance(answer, WireAnswer):
            judgement = judge_answer(
                answer,
                method="PUT",
                url=request.url,
                name=f"{delivery.name}, part {one.number}",
                expires_at=request.expires_at or self.target.expires_at,
                suspect=suspect and (delivery.renewable or self.target.sign_part is not None),
                now=delivery.now(),
            )
        else:
            judgement = judge_failure(answer, complete=job.sent >= one.size)
        delivery.note(request.url, job, judgement)
        return answer, judgement

    async def _request(self, one: Part) -> PartRequest:
        if self.target.sign_part is not None:
            return await self.target.sign_part(one)
        return PartRequest(self.target.part_urls[one.number - 1], self.target.headers, self.target.expires_at)

    async def _renew(self, generation: int, reason: UploadError) -> None:
        if self.target.sign_part is not None:
            return  # the next attempt asks for its own
        async with self._renewing:
            if generation != self._generation:
                return  # another part has done it
            renewed = await self._delivery.renew(self.target, reason)
            if not isinstance(renewed, MultipartTarget) or (
                (renewed.upload_id, renewed.part_size) != (self.target.upload_id, self.target.part_size)
            ):
                raise _AnotherSession(renewed)
            self._check(renewed)
            self.target = renewed
            self._generation += 1

    def _confirmed_by(self, one: Part, answer: WireAnswer, request: PartRequest) -> ConfirmedPart:
        etag = answer.headers.get("etag", "")
        if not etag and self.target.needs_etag:
            where = redact_url(request.url)
            raise StorageError(
                f"{self._delivery.name}, part {one.number}: {where} answered {answer.status} without the ETag that "
                "completing the upload needs (a proxy may have removed it); needs_etag=False does without",
                method="PUT",
                url=where,
                status=answer.status,
                body=answer.content,
            )
        return ConfirmedPart(one.number, one.size, etag)

    async def _confirm(self, confirmed: ConfirmedPart) -> None:
        self._confirmed[confirmed.number] = confirmed
        self._delivery.meter.confirmed += confirmed.size
        state = self._delivery.state
        ours = state is not None and (state.upload_id, state.part_size) == (
            self.target.upload_id,
            self.target.part_size,
        )
        # While another session is being asked for, parts of this one may still come in: they are not that one's.
        if ours and self._delivery.keeps_state:
            await self._delivery.save(parts=self.parts())
