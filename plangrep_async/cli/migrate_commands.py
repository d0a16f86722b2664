"""What the ``migrate`` commands do; needs the extra ``migrate``."""

from __future__ import annotations

import asyncio
import shlex
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import attrs

from ..errors import ConfigurationError
from ..migrate import Migration, Plan, State, Status, TooManyFailuresError, Verified
from ..migrate.database import location_text
from ..migrate.journal import Journal
from ..migrate.report import write_report
from ..migrate.status import read_status
from .display import size_text
from .exits import FAILED_DOCUMENTS, INTERRUPTED, OK
from .migrate import JOURNAL
from .migrate_build import build, choices_of
from .migrate_display import MigrationDisplay, choose_migration_display, write_json, write_text

__all__ = ["plan", "report", "resume", "retry", "run", "status", "verify"]

T = TypeVar("T")

_HELP = {
    "failed": " (`migrate retry` sends their files again)",
    "blocked": " (they wait for credits: add some, then `migrate resume`)",
    "gone": " (nobody can tell what became of their files; none is sent again)",
}


def plan(*, as_json: bool, **arguments: Any) -> int:
    """``migrate plan``."""
    choices = choices_of(arguments)

    async def work() -> Plan:
        async with build(choices, JOURNAL) as migration:
            return await migration.plan()

    found = asyncio.run(work())
    _show({**attrs.asdict(found), "days": found.days, "days_most": found.days_most} if as_json else _plan_text(found))
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
    _show(_status_facts(found) if as_json else _status_text(found))
    return OK


def verify(*, journal: str, deep: bool, reopen: bool, as_json: bool) -> int:
    """``migrate verify``."""

    async def work() -> tuple[Verified, Status]:
        async with build(await _choices(journal), journal) as migration:
            return await migration.verify(deep=deep, reopen=reopen), await migration.status()

    found, status = asyncio.run(work())
    facts = {**attrs.asdict(found), "ok": found.ok, "complete": status.is_complete}
    _show(facts if as_json else _verified_text(found, status))
    return OK if found.ok and status.is_complete else FAILED_DOCUMENTS


def report(*, folder: Path, journal: str, as_json: bool) -> int:
    """``migrate report``."""

    async def work() -> tuple[Path, ...]:
        async with Journal(journal, create=False) as opened:
            return await write_report(opened, folder)

    try:
        paths = asyncio.run(work())
    except OSError as error:
        raise ConfigurationError(f"the report cannot be written into {folder}: {error.strerror or error}") from error
    _show({"files": [str(path) for path in paths]} if as_json else "".join(f"{path}\n" for path in paths))
    return OK


async def _choices(journal: str) -> Mapping[str, Any]:
    async with Journal(journal, create=False) as opened:
        choices = await opened.fact("command")
    if choices is None:
        raise ConfigurationError(f"{location_text(journal)} does not know its command; begin with `migrate run`")
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

    named = [] if journal == JOURNAL else ["--journal", location_text(journal)]
    again = shlex.join(["plangrep-async", "migrate", "resume", *named])
    try:
        found, stopped = asyncio.run(work())
    except TooManyFailuresError as error:
        display.close()
        display.problem(str(error), error=type(error).__name__)
        return FAILED_DOCUMENTS
    except asyncio.CancelledError:
        display.close()
        display.problem(f"Stopped at once. The journal goes on: {again}")
        return INTERRUPTED
    finally:
        display.close()
    if stopped:
        display.problem(f"Interrupted; {found.open:,} documents are left. To go on: {again}")
    if as_json or not quiet:
        _show(_status_facts(found) if as_json else _status_text(found))
    if stopped:
        return INTERRUPTED
    lost = found.tally.count(State.FAILED) or found.wrong or found.groups.get("failed") or found.groups.get("gone")
    return FAILED_DOCUMENTS if lost else OK


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


def _more(what: str, number: int) -> list[str]:
    return [f"{what}: {number:,} more"] if number > 0 else []


def _show(result: Mapping[str, Any] | str) -> None:
    """The result, once, at the end: facts for machines or text for people."""
    if isinstance(result, str):
        write_text(sys.stdout, result)
    else:
        write_json(sys.stdout, "result", result)


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
        calls = f"{plan.source_calls:,} (no more than {plan.source_calls_most:,})"
        beside = "retries and waiting for packets" if plan.kinds.get("sheet") else "retries"
        lines.append(f"  API calls   {calls} to read and fetch the source, beside {beside}")
    if estimate.calls:
        lines.append(f"  API calls   {estimate.calls:,} (no more than {estimate.calls_most:,}), beside retries")
    if plan.days_most:
        lines.append(f"  time        {_time(plan.days, plan.days_most)} under the documented limits of calls")
    if plan.source_calls and (sheets := plan.kinds.get("sheet")):
        lines.append(f"  packets     {sheets:,}: PlanGrid prints each sheet before it can be fetched, in its own time")
    if estimate.credits:
        lines.append(f"  credits     {estimate.credits}")
    for problem, number in sorted(plan.problems.items()):
        examples = plan.examples.get(problem, ())
        lines.append(f"  {problem:<11} {number:,} left out: {', '.join(examples[:3])}{', …' if number > 3 else ''}")
    return "\n".join(lines) + "\n"


def _time(least: float, most: float) -> str:
    if most * 1440 < 1:
        return "less than a minute"
    if least * 1440 < 1:
        return f"up to {_days(most)}"
    told = _days(least), _days(most)
    return told[0] if told[0] == told[1] else f"between {told[0]} and {told[1]}"


def _days(days: float) -> str:
    if days < 2 / 24:
        minutes = round(days * 1440)
        return f"{minutes} minute{'s' if minutes > 1 else ''}"
    return f"{days * 24:.1f} hours" if days < 2 else f"{days:.1f} days"


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
        "scanned": status.scanned,
        "listed": status.listed,
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
    if not status.listed:
        left.append("the lists of the export are not written yet (the same command writes them)")
    if status.open:
        left.append(f"{status.open:,} documents are open")
    if failed := status.tally.count(State.FAILED):
        left.append(f"{failed:,} have failed (`migrate retry` begins them anew)")
    if status.wrong:
        left.append(f"{status.wrong:,} are missing or different at the target (`migrate report` names them)")
    waiting = {name: status.groups.get(name, 0) for name in ("open", "completing", "blocked", "failed", "gone")}
    left += [f"{number} batches are {name}{_HELP.get(name, '')}" for name, number in waiting.items() if number]
    return "; ".join(left)


def _verified_text(found: Verified, status: Status) -> str:
    lines = [f"{found.good:,} of {found.checked:,} documents are there and the same; {found.digests:,} by SHA-256"]
    missing = found.checked - found.good - found.differing - found.unknown
    lines += [f"missing: {key}" for key in found.missing]
    lines += _more("missing", missing - len(found.missing))
    lines += [f"different: {key}: {what}" for key, what in found.different.items()]
    lines += _more("different", found.differing - len(found.different))
    if found.unknown:
        lines.append(f"{found.unknown:,} cannot be compared any more, and never were")
    lines += [f"note: {note}" for note in found.notes]
    if found.reopened:
        lines.append(f"{found.reopened:,} missing documents are open again: `migrate resume` sends them")
    if not status.is_complete:
        lines.append(f"Not complete: {_what_is_left(status)}.")
    return "\n".join(lines) + "\n"
