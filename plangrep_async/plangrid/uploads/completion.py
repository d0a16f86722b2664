"""The last step of an upload: the service is told that the file is stored (page "File Uploads").

The token in the URL is used up by the first completion that succeeds. What an answer means:

==========================  ==========================================================================================
2xx                         the record
409                         used up: the record exists (its answer was lost), and is read by its uid
410                         run out: unless the record exists, everything begins anew
400                         the storage does not have the file: the form is sent again
5xx, lost, unreadable       tried again, at the URL in the body where there is one; in the end the record is looked for
==========================  ==========================================================================================

The record of another upload counts as unreadable: a service that mixed up the parts of a batch, of which nothing but
their order says whose they are, would give it. What clears that up leaves alone.

So there is never a second record, and none is lost or taken for another.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar, cast

from attrs import define, field

from ...errors import (
    APIConnectionError,
    APIStatusError,
    BadRequestError,
    ConflictError,
    DecodeError,
    GoneError,
    NotFoundError,
    PlangrepAsyncError,
    ServerError,
    UploadUnconfirmedError,
)
from ...session import Answer, Call, CallOptions, backoff
from ...upload import SendAgain, StartOver, Stored
from .._context import Context
from .._links import own_target
from ..failures import completion_url

__all__ = ["Completion", "completion_call"]

R = TypeVar("R")

_SEND_AGAIN = 3


def completion_call(context: Context, url: str, decode: Callable[[Answer], R], method: str = "GET") -> Call[R]:
    """The call of a ``webhook_url``; on another origin than the API's it goes without credentials.

    It is not repeatable: a second one is answered with 409, which :class:`Completion` knows how to read.
    """
    target = own_target(context.base_url, url)
    return Call(
        method,
        url if target is None else target,
        decode,
        repeatable=False,
        authenticated=target is not None,
        coalescable=target is not None,
        content_type="application/json" if method == "POST" else None,
    )


@define
class Completion(Generic[R]):
    """The completion of one upload.

    Attributes:
        context: of the client.
        decode: reads the record from the answer, the one of this uid; ``None`` where the slot named none.
        existing: reads the record by its uid, in no batch; raises :class:`~plangrep_async.errors.NotFoundError` when
            there is none. ``None`` where a used-up token is all there is to know (files of a version); ``settled`` is
            then the result.
        settled: see there.
        options: of each call.
        method: ``"GET"``; see :class:`~plangrep_async.plangrid.Unverified`.
    """

    context: Context
    decode: Callable[[str | None], Callable[[Answer], R]]
    existing: Callable[[str], Awaitable[R]] | None
    settled: R | None = None
    options: CallOptions | None = None
    method: str = "GET"
    _sent_again: int = field(default=0, init=False)

    async def __call__(self, stored: Stored) -> R:
        """The ``complete`` of the upload engine.

        Raises:
            SendAgain, StartOver: see :mod:`plangrep_async.upload`.
            UploadUnconfirmedError: whether the record was made could not be found out.
            APIStatusError: the service refuses (rights, an unknown token).
        """
        memo = stored.memo
        uid, url = str(memo["uid"]), str(memo["webhook_url"])
        decode = self.decode(uid or None)
        call = completion_call(self.context, url, decode, self.method)
        attempt = 1
        while True:
            try:
                return await self.context.sender.send(call, self.options)
            except ConflictError as error:
                return await self._made(uid, error)
            except GoneError as error:
                return await self._made(uid, error, otherwise=StartOver(str(error)))
            except BadRequestError as error:
                self._sent_again += 1
                if self._sent_again > _SEND_AGAIN:
                    raise
                raise SendAgain(str(error)) from None
            except (ServerError, APIConnectionError, DecodeError) as error:
                if attempt >= self.context.retry.max_attempts:
                    return await self._made(uid, error)
                other = completion_url(error.body) if isinstance(error, ServerError) else None
                if other is not None:
                    call = completion_call(self.context, other, decode, self.method)
                if other is not None or isinstance(error, DecodeError):
                    call = call.replace(coalescable=False)
            except APIStatusError as error:
                if error.status != 405 or call.method == "POST":
                    raise
                # Page "File Uploads" says GET, the .NET client POST.
                call = completion_call(self.context, url, decode, "POST")
                continue
            await self.context.session.clock.sleep(backoff(attempt, self.context.retry, self.context.random))
            attempt += 1

    async def _made(self, uid: str, why: PlangrepAsyncError, otherwise: Exception | None = None) -> R:
        """The record if it exists; else ``otherwise``, or that nothing is certain."""
        if self.existing is None:
            if isinstance(why, ConflictError):
                return cast(R, self.settled)
            raise otherwise or self._unconfirmed(uid, why) from why
        try:
            return await self.existing(uid)
        except NotFoundError:
            raise otherwise or self._unconfirmed(uid, why) from why
        except PlangrepAsyncError as error:
            raise self._unconfirmed(uid, error) from why

    @staticmethod
    def _unconfirmed(uid: str, why: PlangrepAsyncError) -> UploadUnconfirmedError:
        context: dict[str, Any] = {
            name: getattr(why, name) for name in ("method", "url", "status", "service_message", "body", "response")
        }
        return UploadUnconfirmedError(
            f"the file is stored, and whether its record {uid} was made could not be found out: {why}", **context
        )
