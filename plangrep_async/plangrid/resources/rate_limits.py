"""What the service says of its rate limits."""

from __future__ import annotations

from typing import Unpack

from .._context import CallArguments
from .._resource import Resource, list_query, page_query
from .._rules import PAGE_SIZE
from ..models import RateLimitStatus
from ..pages import Listing, Page

__all__ = ["RateLimits"]


class RateLimits(Resource):
    """The limits of the API key or token."""

    def list(self, *, page_size: int = PAGE_SIZE, **options: Unpack[CallArguments]) -> Listing[RateLimitStatus]:
        """All of them ("Retrieve Rate Limits"): ``limits = await client.rate_limits.list()``."""
        return self._list(RateLimitStatus, options, list_query(page_size, None), "rate_limits")

    async def page(
        self, *, limit: int = PAGE_SIZE, skip: int = 0, **options: Unpack[CallArguments]
    ) -> Page[RateLimitStatus]:
        """One page: ``limit`` records (1 to 50) after the first ``skip``."""
        return await self._page(RateLimitStatus, options, page_query(limit, skip, None), "rate_limits")
