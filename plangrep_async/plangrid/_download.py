"""Files from wherever the service keeps them (page "File Uploads").

Their URLs may be signed and run out; credentials never go there.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from ..errors import APIConnectionError, InvalidInputError, PermissionDeniedError
from ..session import Call, CallOptions, backoff, redact_url
from ..session.landing import LandingFile
from ._codec import nothing
from ._context import CallArguments, Context, options_of

__all__ = ["download"]


async def download(
    context: Context,
    url: str | None,
    to: str | os.PathLike[str],
    arguments: CallArguments,
    renew: Callable[[], Awaitable[str | None]],
) -> Path:
    """Fetch ``url`` into the file ``to``, replacing it once the new one is whole.

    Args:
        context: of the client.
        url: where the file is. Storage takes nothing from the rate limits.
        to: the file; its folder must exist.
        arguments: of the call.
        renew: asked once for a fresh URL, when the storage refuses this one (403: it ran out).

    Raises what a call raises, and ``OSError`` where the file cannot be written. Cancelled or failed: nothing is left,
    and a file that was there stays.
    """
    target = Path(to)
    if await asyncio.to_thread(target.is_dir):
        raise InvalidInputError(f"to: {str(target)!r} is a folder; give the file to write")
    options = options_of(arguments)
    renewed = False
    attempt = 1
    while True:
        if not url:
            raise InvalidInputError(f"{target.name}: the record has no URL to fetch its file from")
        try:
            return await _fetch(context, url, target, options)
        except PermissionDeniedError:
            if renewed:
                raise
            renewed = True
            url = await renew()
        except APIConnectionError:
            if attempt >= context.retry.max_attempts:
                raise
            await context.session.clock.sleep(backoff(attempt, context.retry, context.random))
            attempt += 1


async def _fetch(context: Context, url: str, target: Path, options: CallOptions | None) -> Path:
    call = Call("GET", url, nothing, kinds=frozenset(), authenticated=False, coalescable=False)
    async with context.session.stream(call, options) as answer, LandingFile(target) as file:
        received = await file.write_all(answer.aiter_bytes())
        if answer.content_length not in (None, received):
            raise APIConnectionError(
                f"{received} of {answer.content_length} bytes came from {redact_url(url)}",
                method="GET",
                url=redact_url(url),
            )
        return await file.keep()
