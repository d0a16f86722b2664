"""Small requests to storage hosts that carry no file: creating, listing and completing sessions.

Completing may begin with status 200 and fail afterwards. [Amazon S3 API Reference: CompleteMultipartUpload]
"""

from __future__ import annotations

from ..errors import TransferError
from ..session.redaction import redact_url
from .engine import Engine
from .meter import Meter
from .retries import Retries
from .s3error import parse_s3_error
from .verdict import Verdict, judge_answer, judge_failure
from .wire import WireAnswer, WireRequest

__all__ = ["send_small"]


async def send_small(engine: Engine, request: WireRequest, repeatable: bool) -> WireAnswer:
    """See :meth:`UploadScheduler.request`."""
    name = f"{request.method} {redact_url(request.url)}"
    meter = Meter(name)
    retries = Retries(engine.settings.retry, engine.random)
    while True:
        job = engine.attempt((), lambda _opened: request, meter=meter, order=0)
        answer = await engine.transmit(request.url, job, meter)
        if isinstance(answer, WireAnswer):
            judgement = judge_answer(
                answer,
                method=request.method,
                url=request.url,
                name=name,
                once=not repeatable,
                now=engine.clock.time(),
            )
        else:
            judgement = judge_failure(answer, complete=job.sent >= job.total)
        if judgement.slow_down:
            engine.complain(request.url, job, judgement.retry_after)
        again = judgement.verdict is Verdict.RETRY or (judgement.verdict is Verdict.DOUBT and repeatable)
        if judgement.verdict is Verdict.STORED and isinstance(answer, WireAnswer):
            again = parse_s3_error(answer.content) is not None and repeatable
        pause = retries.wait(retry_after=judgement.retry_after) if again else None
        if pause is None:
            if isinstance(answer, TransferError):
                answer.attempts = meter.attempts
                raise answer
            return answer
        await engine.clock.sleep(pause)
