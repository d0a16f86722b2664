"""The storage origin as tests look at it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .backend import StoredObject
from .internal import InternalStorage

__all__ = ["StorageView"]


class StorageView:
    """What the emulator's own store holds. Safe from any thread."""

    def __init__(self, store: InternalStorage, run: Callable[[Callable[[], Any]], Any]) -> None:
        self._store = store
        self._run = run

    @property
    def objects(self) -> list[StoredObject]:
        """All objects."""
        return list(self._store.objects.values())
