"""Tokens that several processes share: the store has the last word on each call that the local windows let go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar, runtime_checkable

from attrs import frozen

from .store import BucketStore

__all__ = ["Ask", "Asking", "SharedStore", "Verdict"]

_AT_ONCE = 256  # calls that are asked for together

T = TypeVar("T")


@frozen
class Ask:
    """A call that the store is asked for."""

    kinds: frozenset[str]
    cost: int


@frozen
class Verdict:
    """What the store says.

    Attributes:
        wait: 0 when the tokens were taken, else seconds until it is worth asking again.
        gate: the kind whose gate another process has closed, when that is why.
    """

    wait: float
    gate: str | None = None


@runtime_checkable
class SharedStore(BucketStore, Protocol):
    """A :class:`~.store.BucketStore` whose tokens other processes take, too.

    Its local buckets count this process's calls and hold them back by themselves; what they let go is asked for here.
    """

    async def ask(self, asks: Sequence[Ask]) -> Sequence[Verdict]:
        """Take the tokens of these calls, in order, each from all its windows or from none.

        Passes on first what was noted by the other methods. When the store cannot be reached, it decides by itself
        whether the local windows are enough; it raises nothing but what is a defect of the program.
        """
        ...

    def note_refund(self, kinds: frozenset[str], cost: int, age: float) -> None:
        """A call whose tokens were taken ``age`` seconds ago was not sent."""
        ...

    def note_gate(self, kind: str, seconds: float) -> None:
        """A 429 has closed the gate of a kind for so long."""
        ...

    @property
    def notes(self) -> int:
        """How many notes have not been passed on."""
        ...


class Asking(Generic[T]):
    """Asks a store for calls, one question at a time, so that their order is kept.

    Args:
        store: whom to ask.
        ask_of: what to ask for a call.
        answer: is told the verdict on each call, the last one first, so that those that are put back in front of a line
            come to stand in their old order.
        fail: is told of a call for which asking failed.
        done: is called after each question.
    """

    def __init__(
        self,
        store: SharedStore,
        *,
        ask_of: Callable[[T], Ask],
        answer: Callable[[T, Verdict], None],
        fail: Callable[[T, Exception], None],
        done: Callable[[], None],
    ) -> None:
        self._store = store
        self._ask_of = ask_of
        self._answer = answer
        self._fail = fail
        self._done = done
        self._task: asyncio.Task[None] | None = None
        self.calls: list[T] = []

    @property
    def room(self) -> int:
        """How many more calls may be submitted for the next question; none while one is under way."""
        return 0 if self._task is not None else _AT_ONCE - len(self.calls)

    def submit(self, call: T) -> None:
        """Ask for a call; there must be room."""
        self.calls.append(call)

    def start(self) -> None:
        """Ask, unless there is nothing to ask or to pass on, or a question is under way."""
        if self._task is None and (self.calls or self._store.notes):
            self._task = asyncio.get_running_loop().create_task(self._run())

    def stop(self) -> list[T]:
        """Ask no more; the calls that were asked for."""
        calls, self.calls = self.calls, []
        if self._task is not None:
            self._task.cancel()
        return calls

    async def _run(self) -> None:
        error: Exception | None = None
        verdicts: Sequence[Verdict] = ()
        try:
            verdicts = await self._store.ask([self._ask_of(call) for call in self.calls])
        except Exception as raised:  # noqa: BLE001 -- whatever it is, those who wait must hear of it
            error = raised
        finally:
            self._task = None
        calls, self.calls = self.calls, []
        if error is not None:
            for call in calls:
                self._fail(call, error)
        else:
            for call, verdict in zip(reversed(calls), reversed(verdicts), strict=True):
                self._answer(call, verdict)
        self._done()
