"""What the ``migrate`` commands do; needs the extra ``migrate``."""

from __future__ import annotations

import asyncio
import json
import shlex
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import attrs

from ..errors import ConfigurationError
from ..migrate import Migration, Plan, State, Status, Verified
from ..migrate.journal import Journal
from ..migrate.migration import read_status
from ..migrate.report import write_report
from .display import size_text
from .exits import FAILED_DOCUMENTS, INTERRUPTED, OK
from .migrate_build import build, choices_of
from .migrate_display import MigrationDisplay, choose_migration_display

__all__ = ["plan", "report", "resume", "retry", "run", "status", "verify"]

T = TypeVar("T")


def plan(*, as_json: bool, **arguments: Any) -> int:
    """``migrate plan``."""

    async def work() -> Plan:
        async with build(choices_of(arguments), "") as migration:
            return await migration.plan()

    found = asyncio.run(work())
    if as_json:
        _print(attrs.asdict(found))
    else:
        sys.stdout.write(_plan_text(found))
    return OK


def run(*, journal: str, as_json: bool, quiet: bool, **arguments: Any) -> int:
    """``migrate run`` and ``migrate export``."""
    return _move(choices_of(arguments), journal, as_json=as_json, quiet=quiet, remember=True)


def resume(*, journal: str, as_json: bool, quiet: bool) -> int:
    """``migrate resume``."""
    return _move(asyncio.run(_choices(journal)), journal, as_json=as_json, quiet=quiet, scan=False)


def retry(*, journal: str, as_json: bool, quiet: bool) -> int:
    """``migrate retry``."""
    return _move(asyncio.run(_choices(journal)), journal, as_json=as_json, quiet=quiet, scan=False, retry=True)


def status(*, journal: str, as_json: bool) -> int:
    """``migrate status``."""

    async def work() -> Status:
        async with Journal(journal, create=False) as opened:
            return await read_status(opened)

    found = asyncio.run(work())
    if as_json:
        _print(_status_facts(found))
    else:
        sys.stdout.write(_status_text(found))
    return OK


def verify(*, journal: str, deep: bool, as_json: bool) -> int:
    """``migrate verify``."""

    async def work() -> Verified:
        async with build(await _choices(journal), journal) as migration:
            return await migration.verify(deep=deep)

    found = asyncio.run(work())
    if as_json:
        _print({**attrs.asdict(found), "ok": found.ok})
    else:
        sys.stdout.write(_verified_text(found))
    return OK if found.ok else FAILED_DOCUMENTS


def report(*, folder: Path, journal: str) -> int:
    """``migrate report``."""

    async def work() -> tuple[Path, ...]:
        async with Journal(journal, create=False) as opened:
            return await write_report(opened, folder)

    for path in asyncio.run(work()):
        sys.stdout.write(f"{path}\n")
    return OK


async def _choices(journal: str) -> Mapping[str, Any]:
    async with Journal(journal, create=False) as opened:
        choices = await opened.fact("command")
    if choices is None:
        raise ConfigurationError(f"{journal} does not know its command; begin with `migrate run`")
    return dict(choices)


def _move(
    choices: Mapping[str, Any],
    journal: str,
    *,
    as_json: bool,
    quiet: bool,
    scan: bool = True,
    retry: bool = False,
    remember: bool = False,
) -> int:
    display = choose_migration_display(as_json=as_json, quiet=quiet)

    async def work() -> tuple[Status, bool]:
        async with build(choices, journal) as migration:
            return await _until_stopped(
                migration,
                display,
                lambda: migration.run(display.event, scan=scan, retry=retry, command=choices if remember else None),
            )

    again = shlex.join(
        ["plangrep-async", "migrate", "resume", *([] if journal == "migration.db" else ["--journal", journal])]
    )
    try:
        found, stopped = asyncio.run(work())
    except asyncio.CancelledError:
        display.close()
        display.problem(f"Stopped at once. The journal goes on: {again}")
        return INTERRUPTED
    finally:
        display.close()
    if as_json:
        _print({"event": "Result", **_status_facts(found)})
    elif not quiet:
        sys.stdout.write(_status_text(found))
    if stopped:
        display.problem(f"Interrupted; {found.open:,} documents are left. To go on: {again}")
        return INTERRUPTED
    return OK if not found.tally.count(State.FAILED) and not found.groups.get("failed") else FAILED_DOCUMENTS


async def _until_stopped(
    migration: Migration, display: MigrationDisplay, work: Callable[[], Awaitable[T]]
) -> tuple[T, bool]:
    """Run it; Ctrl-C and SIGTERM ask it to finish what is in flight, a second Ctrl-C cancels it."""
    task = asyncio.current_task()
    assert task is not None
    asked = False

    def stop(at_once: bool) -> None:
        nonlocal asked
        if asked and at_once:
            task.cancel()
            return
        if not asked:
            display.say("Finishing what is in flight. Ctrl-C again stops at once; the journal goes on in any case.")
        asked = True
        migration.stop()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, stop, True)
    loop.add_signal_handler(signal.SIGTERM, stop, False)
    try:
        return await work(), asked
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _print(facts: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(facts, ensure_ascii=False, default=str) + "\n")


def _plan_text(plan: Plan) -> str:
    estimate = plan.estimate
    kinds = ", ".join(f"{number:,} {kind}s" for kind, number in sorted(plan.kinds.items()))
    lines = [
        f"From {plan.source} to {plan.target}",
        f"  documents   {plan.documents:,}" + (f" ({kinds})" if kinds else ""),
    ]
    if plan.sizes_known:
        lines.append(f"  bytes       {size_text(plan.bytes)}, the largest file {size_text(plan.largest)}")
    else:
        lines.append("  bytes       not known: PlanGrid does not tell sizes")
    if estimate.batches:
        lines.append(f"  batches     {estimate.batches:,}")
    if plan.source_calls:
        lines.append(f"  API calls   at least {plan.source_calls:,} to read and fetch the source")
    if estimate.calls:
        lines.append(f"  API calls   {estimate.calls:,} (no more than {estimate.calls_most:,}), beside retries")
    if estimate.days:
        lines.append(f"  time        {_days(estimate.days)} under the documented limits of calls")
    if estimate.credits:
        lines.append(f"  credits     {estimate.credits}")
    for problem, number in sorted(plan.problems.items()):
        examples = plan.examples.get(problem, ())
        lines.append(f"  {problem:<11} {number:,} left out: {', '.join(examples[:3])}{', …' if number > 3 else ''}")
    return "\n".join(lines) + "\n"


def _days(days: float) -> str:
    if days * 1440 < 1:
        return "less than a minute"
    return f"at least {days:.1f} days" if days >= 1 else f"at least {days * 1440:,.0f} minutes"


def _status_facts(status: Status) -> dict[str, Any]:
    tally = status.tally
    return {
        "source": status.source,
        "target": status.target,
        "documents": {state.value: number for state, number in tally.documents.items()},
        "bytes": {state.value: size for state, size in tally.bytes.items()},
        "problems": {problem.value: number for problem, number in tally.problems.items()},
        "groups": status.groups,
        "open": status.open,
        "complete": status.is_complete,
    }


def _status_text(status: Status) -> str:
    tally = status.tally
    lines = [f"{status.source} to {status.target}"]
    lines += [
        f"  {state:<12}{tally.count(state):>10,}  {size_text(tally.size(state)):>9}"
        for state in State
        if tally.count(state)
    ]
    for problem, number in sorted(tally.problems.items()):
        lines.append(f"  {problem:<12}{number:>10,}")
    for name, number in sorted(status.groups.items()):
        lines.append(f"  {'batches ' + name:<20}{number:>2,}")
    lines.append("Complete." if status.is_complete else f"Not complete: {_what_is_left(status)}.")
    return "\n".join(lines) + "\n"


def _what_is_left(status: Status) -> str:
    left = [] if status.scanned else ["the source was not gone through to its end"]
    if status.open:
        left.append(f"{status.open:,} documents are open")
    if failed := status.tally.count(State.FAILED):
        left.append(f"{failed:,} have failed (`migrate retry` begins them anew)")
    waiting = {name: status.groups.get(name, 0) for name in ("open", "completing", "blocked", "failed")}
    left += [f"{number} batches are {name}" for name, number in waiting.items() if number]
    return "; ".join(left)


def _verified_text(found: Verified) -> str:
    lines = [f"{found.good:,} of {found.checked:,} documents are there and the same; {found.digests:,} by SHA-256"]
    lines += [f"missing: {key}" for key in found.missing]
    lines += [f"different: {key}: {what}" for key, what in found.different.items()]
    lines += [f"note: {note}" for note in found.notes]
    return "\n".join(lines) + "\n"
