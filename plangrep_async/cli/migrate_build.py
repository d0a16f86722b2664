"""From what the command line names to sources, targets and their clients."""

from __future__ import annotations

import asyncio
import difflib
import os
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from attrs import evolve

from ..errors import ConfigurationError
from ..migrate import (
    FolderTarget,
    FolderTree,
    Manifest,
    Migration,
    MigrationOptions,
    PlangrepTarget,
    PlanGridSource,
    PlanGridTarget,
    Source,
    Target,
)
from ..plangrep import PlangrepClient
from ..plangrid import PlanGridClient
from ..upload import UploadSettings

__all__ = ["CHOICES", "build", "choices_of"]

_OPTIONS = (
    *("transfers", "max_bandwidth", "max_errors", "on_changed", "dedupe", "spool_bytes", "wait"),
    *("pdfs", "version_name"),
)
_SOURCE = ("include", "exclude", "since", "kinds")
CHOICES = ("source", "target", *_SOURCE, *_OPTIONS)
_LOOKAHEAD = 64
_LINGER = 0.1  # seconds that the reads of files that are fetched wait for one another: nothing beside the fetch itself
_SERVICES = ("plangrep", "plangrid")
_WORD = re.compile(r"[A-Za-z][\w.+-]+")  # a single letter may be a drive


def choices_of(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What the journal keeps of a command line, as JSON values; no key is in it.

    Raises:
        ConfigurationError: a location looks like a service's and is none.
    """
    kept = {name: arguments.get(name) for name in CHOICES}
    since = kept["since"]
    return {
        **kept,
        "source": _absolute(str(kept["source"])),
        "target": _absolute(str(kept["target"])),
        "since": since.astimezone().isoformat() if isinstance(since, datetime) else since,
        **{name: list(kept[name] or ()) for name in ("include", "exclude", "kinds")},
    }


@asynccontextmanager
async def build(choices: Mapping[str, Any], journal: str) -> AsyncGenerator[Migration, None]:
    """The migration, its clients open as long as the context.

    Raises:
        ConfigurationError: a location that cannot be, or a missing key.
    """
    given = {name: choices[name] for name in _OPTIONS if choices.get(name) is not None}
    options = MigrationOptions(**given)
    async with AsyncExitStack() as stack:
        clients = _Clients(stack, options)
        here = await asyncio.to_thread(os.getcwd)
        located = journal if "://" in journal else os.path.join(here, journal)
        spool = os.path.join(here, "migration.files" if "://" in journal else f"{journal}.files")
        source = await _source(choices, clients)
        target = await _target(str(choices["target"]), clients, options)
        yield Migration(source, target, journal=located, options=options, spool=spool)


class _Clients:
    """At most one client of each service."""

    def __init__(self, stack: AsyncExitStack, options: MigrationOptions) -> None:
        self._stack = stack
        settings = UploadSettings(max_bandwidth=options.max_bandwidth, lookahead=_LOOKAHEAD)
        if options.transfers is not None:
            settings = evolve(
                settings,
                max_transfers=options.transfers,
                start_transfers=min(options.transfers, settings.start_transfers),
            )
        self._settings = settings
        self._plangrid: PlanGridClient | None = None

    async def plangrid(self, *, linger: float = 0.0) -> PlanGridClient:
        if self._plangrid is None:
            client = PlanGridClient(uploads=self._settings, linger=linger)
            self._plangrid = await self._stack.enter_async_context(client)
        return self._plangrid

    async def plangrep(self) -> PlangrepClient:
        return await self._stack.enter_async_context(PlangrepClient(uploads=self._settings))


async def _source(choices: Mapping[str, Any], clients: _Clients) -> Source:
    location = str(choices["source"])
    since = datetime.fromisoformat(choices["since"]) if choices.get("since") else None
    service, _, name = location.partition(":")
    if service == "plangrid":
        _refuse(choices, ("include", "exclude"), "a PlanGrid project; --kinds and --since choose there")
        client = await clients.plangrid(linger=_LINGER)
        kinds = {"kinds": tuple(choices["kinds"])} if choices.get("kinds") else {}
        return PlanGridSource(client, name, since=since, **kinds)
    if service == "plangrep":
        raise ConfigurationError("Plangrep can be a target; as a source it gives results, not the files")
    if await asyncio.to_thread(Path(location).is_file):
        _refuse(choices, _SOURCE, "a manifest, which names its files itself")
        return Manifest(location)
    _refuse(choices, ("kinds",), "a folder; --include and --exclude choose there")
    return FolderTree(
        location, include=tuple(choices.get("include") or ()), exclude=tuple(choices.get("exclude") or ()), since=since
    )


def _refuse(choices: Mapping[str, Any], names: Sequence[str], source: str) -> None:
    if given := [f"--{name}" for name in names if choices.get(name)]:
        raise ConfigurationError(f"{' and '.join(given)} cannot choose from {source}")


async def _target(location: str, clients: _Clients, options: MigrationOptions) -> Target:
    service, _, name = location.partition(":")
    if service == "plangrep":
        return PlangrepTarget(await clients.plangrep(), name)
    if service == "plangrid":
        return PlanGridTarget(await clients.plangrid(), name, options=options)
    return FolderTarget(location)


def _absolute(location: str) -> str:
    word, colon, rest = location.partition(":")
    if colon and word in _SERVICES:
        return location
    if colon and _WORD.fullmatch(word) and not os.path.lexists(location):
        meant = difflib.get_close_matches(word.lower(), _SERVICES, 1)
        hint = f"did you mean {meant[0]}:{rest}?" if meant else "there are plangrep:ID and plangrid:UID."
        raise ConfigurationError(
            f"{location}: {word} is no service; {hint} For a file or folder of that name: ./{location}"
        )
    return os.path.abspath(location)
