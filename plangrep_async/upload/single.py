"""Uploads whose bytes go in one request: a PUT, a storage service's POST form, a service's own form."""

from __future__ import annotations

from functools import partial

from ..errors import ChecksumMismatchError, TransferError, UploadUnconfirmedError
from .bodies import single_request
from .delivery import Delivery
from .targets import FormTarget, MultipartTarget, PostFormTarget, PutTarget, Target
from .task import UNKNOWN, Confirmation, Stored
from .verdict import Judgement, Verdict, judge_answer, judge_failure
from .wire import WireAnswer

__all__ = ["send_single", "stored_statuses"]

_FORM_OK = frozenset({200, 201, 202, 203, 204, 205, 206, 302, 303})


def stored_statuses(target: PutTarget | PostFormTarget | FormTarget) -> frozenset[int]:
    """The statuses that mean "stored"; any 2xx when empty."""
    return target.ok or (_FORM_OK if isinstance(target, PostFormTarget) else target.ok)


async def send_single(delivery: Delivery, target: PutTarget | PostFormTarget | FormTarget) -> Stored | Target:
    """Send until the bytes are stored or that is hopeless; a :class:`MultipartTarget` is given back, when a renewal
    brought one.

    An attempt that ended before the last byte was out cannot have been stored and is repeated. When all bytes were out
    and no clear answer came, the user's ``confirm`` is asked; what stays in doubt is repeated only where repeating has
    no effect twice.

    Raises:
        UploadUnconfirmedError: it may be stored, nobody could tell, and sending it again would not be harmless; or
            asking did not settle it until the last attempt.
        BodyNotReplayableError: another attempt would need bytes that came from an iterator.
        Exception: what ``FormTarget.before`` raises.
        StorageError, TransferError, ChecksumMismatchError: the last failure.
    """
    retries = delivery.retries()
    doubt: Exception | None = None
    suspicions = 0
    mismatches = 0
    while True:
        answer, judgement = await _attempt(delivery, target, suspect=not suspicions and delivery.renewable)
        if judgement.verdict is Verdict.STORED:
            assert isinstance(answer, WireAnswer)
            delivery.meter.confirmed = delivery.meter.size
            return Stored(delivery.files, target.memo, target, answer)
        error = judgement.error
        assert error is not None
        if judgement.verdict is Verdict.REFUSED and not (doubt is not None and error.status == 412):
            raise error
        if judgement.verdict is Verdict.EXPIRED:
            suspicions += 1
            delivery.check_replayable(error)
            renewed = await delivery.renew(target, error)
            if isinstance(renewed, MultipartTarget):
                return renewed
            target = renewed
            continue
        pause = retries.wait(error, retry_after=judgement.retry_after)
        if judgement.verdict is not Verdict.RETRY:
            await delivery.pause(pause or 0.0)
            confirmation = await delivery.settle(target, error)
            if confirmation.stored:
                delivery.meter.confirmed = delivery.meter.size
                return Stored(delivery.files, target.memo, target, evidence=confirmation.evidence)
            doubt = error if confirmation.stored is None else None
            if doubt is not None and not target.repeatable:
                raise _unconfirmed(delivery, doubt, confirmation)
        mismatches += isinstance(error, ChecksumMismatchError)
        if pause is None or mismatches > 1:
            if doubt is not None and delivery.upload.confirm is not None:
                raise _unconfirmed(delivery, doubt, UNKNOWN)
            if doubt is not None:
                error.add_note("All bytes were sent, so it may be stored all the same. Sending it again is harmless.")
            raise error
        delivery.check_replayable(error)
        if judgement.verdict is Verdict.RETRY:
            await delivery.pause(pause)


async def _attempt(
    delivery: Delivery, target: PutTarget | PostFormTarget | FormTarget, *, suspect: bool
) -> tuple[WireAnswer | TransferError, Judgement]:
    method = target.method if isinstance(target, PutTarget) else "POST"
    if isinstance(target, FormTarget) and target.before is not None:
        await target.before()
    answer, job = await delivery.transmit(target.url, partial(single_request, target, delivery.files))
    if isinstance(answer, WireAnswer):
        if isinstance(target, FormTarget) and target.on_answer is not None:
            target.on_answer(answer)
        judgement = judge_answer(
            answer,
            method=method,
            url=target.url,
            name=delivery.name,
            ok=stored_statuses(target),
            expires_at=target.expires_at,
            suspect=suspect and target.expires_at is None,
            once=not target.repeatable,
            now=delivery.now(),
        )
    else:
        judgement = judge_failure(answer, complete=job.sent >= job.total)
    delivery.note(target.url, job, judgement)
    return answer, judgement


def _unconfirmed(delivery: Delivery, doubt: Exception, confirmation: Confirmation) -> UploadUnconfirmedError:
    failure = confirmation.evidence if isinstance(confirmation.evidence, Exception) else None
    asked = "" if failure is None else f"; asking failed: {failure}"
    error = UploadUnconfirmedError(
        f"{delivery.name}: all bytes were sent, a clear answer did not come ({doubt}){asked}, and whether they are "
        "stored could not be found out; look before sending it again",
        file_name=delivery.name,
    )
    error.__cause__ = failure or doubt
    return error
