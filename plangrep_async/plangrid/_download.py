"""Files from wherever the service keeps them (page "File Uploads").

Their URLs may be signed and run out; credentials never go there.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from ..errors import InvalidInputError, PermissionDeniedError
from ..session import Call, CallOptions, StreamedAnswer
from ..session.fetch import fetch
from ..session.landing import LandingFile
from ._codec import nothing
from ._context import CallArguments, Context

__all__ = ["download"]


async def download(
    context: Context,
    url: str | None,
    to: str | os.PathLike[str],
    rest: Callable[[], CallArguments],
    renew: Callable[[], Awaitable[str | None]],
) -> Path:
    """Fetch ``url`` into the file ``to``, replacing it once the new one is whole.

    Args:
        context: of the client.
        url: where the file is. Storage takes nothing from the rate limits.
        to: the file; its folder must exist.
        rest: the arguments of the call, with what is left of its deadline.
        renew: asked once for a fresh URL, when the storage refuses this one (403: it ran out).

    Raises what a call raises, and ``OSError`` where the file cannot be written. Cancelled or failed: nothing is left,
    and a file that was there stays, as :class:`LandingFile` says.
    """
    target = Path(to)
    if await asyncio.to_thread(target.is_dir):
        raise InvalidInputError(f"to: {str(target)!r} is a folder; give the file to write")

    async def store(answer: StreamedAnswer) -> Path:
        async with LandingFile(target) as file:
            await file.write_all(answer.aiter_bytes())
            return await file.keep()

    async def fetch_from(url: str | None) -> Path:
        if not url:
            raise InvalidInputError(f"{target.name}: the record has no URL to fetch its file from")
        call = Call("GET", url, nothing, kinds=frozenset(), authenticated=False, coalescable=False)
        return await fetch(context.session, call, lambda: CallOptions(**rest()).over(context.options), store)

    with suppress(PermissionDeniedError):
        return await fetch_from(url)
    return await fetch_from(await renew())
