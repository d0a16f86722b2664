"""Counting failures, and how long to wait after each."""

from __future__ import annotations

from collections.abc import Callable

from ..config import RetryPolicy
from ..errors import PlangrepAsyncError
from ..session.retry import backoff

__all__ = ["Retries"]


class Retries:
    """The failures in a row of one request, under a :class:`~plangrep_async.RetryPolicy`.

    Attributes:
        failures: since the last confirmed byte.
    """

    __slots__ = ("_confirmed", "_policy", "_random", "failures")

    def __init__(self, policy: RetryPolicy, random: Callable[[], float]) -> None:
        self._policy = policy
        self._random = random
        self._confirmed = 0
        self.failures = 0

    def wait(
        self, error: PlangrepAsyncError | None = None, *, confirmed: int = 0, retry_after: float | None = None
    ) -> float | None:
        """Note a failure: seconds to wait before the next attempt, or ``None`` when there is to be none.

        Args:
            error: what is raised in that case; told why, where its text cannot say it.
            confirmed: bytes of the upload confirmed by now; more than at the last failure starts the count anew.
            retry_after: seconds that the far end asked for; a lower bound, and past the policy's cap the end.
        """
        if confirmed > self._confirmed:
            self._confirmed = confirmed
            self.failures = 0
        self.failures += 1
        if self.failures >= self._policy.max_attempts:
            return None
        pause = backoff(self.failures, self._policy, self._random)
        if retry_after is None:
            return pause
        cap = self._policy.max_retry_after
        if retry_after > cap:
            if error is not None:
                error.args = (
                    f"{error.message}; it asks to wait {retry_after:g} s, and RetryPolicy.max_retry_after is {cap:g}",
                )
            return None
        return max(pause, retry_after * (1.0 + 0.1 * self._random()))
