"""``plangrep-async migrate``: its arguments. What they do stands in :mod:`.migrate_commands`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import click

from ..errors import ConfigurationError, PlangrepAsyncError
from .exits import INTERRUPTED, SERVICE, exit_code, sentence

__all__ = ["JOURNAL", "migrate"]

Options: TypeAlias = tuple[Callable[[Any], Any], ...]

JOURNAL = "migration.db"


def _commands() -> ModuleType:
    try:
        from . import migrate_commands
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("plangrep_async"):
            raise
        raise ConfigurationError(f"migrating needs {error.name}: pip install 'plangrep-async[cli,migrate]'") from None
    return migrate_commands


def _call(context: click.Context, name: str, arguments: dict[str, Any]) -> None:
    try:
        code = getattr(_commands(), name)(**arguments)
    except (KeyboardInterrupt, PlangrepAsyncError, OSError) as error:
        if isinstance(error, KeyboardInterrupt):
            text, code = "Interrupted.", INTERRUPTED
        elif (context.obj or {}).get("debug"):
            raise
        elif isinstance(error, OSError):
            text, code = f"This machine refuses: {error}.", SERVICE
        else:
            text, code = sentence(error), exit_code(error)
        if arguments.get("as_json"):
            click.echo(json.dumps({"event": "problem", "text": text, "error": type(error).__name__}))
        else:
            click.echo(text, err=True)
    context.exit(code)


def _absolute(context: click.Context, parameter: click.Parameter, value: str) -> str:
    return os.path.abspath(value)  # a folder's name is never taken for a service's


_SOURCE: Options = (click.argument("source"),)
_TARGET: Options = (
    click.option("--to", "target", required=True, metavar="TARGET", help="plangrep:ID, plangrid:UID, or a folder."),
    click.option(
        "--pdfs",
        type=click.Choice(["attachments", "sheets"]),
        default="attachments",
        show_default=True,
        help="What PDFs of a folder become in PlanGrid.",
    ),
    click.option("--version-name", default="Migration", show_default=True, help="Of the sheets, with --pdfs sheets."),
)
_SELECTION: Options = (
    click.option("--include", multiple=True, metavar="PATTERN", help="Only files of a folder that match."),
    click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave out files and folders that match."),
    click.option("--since", type=click.DateTime(), help="Only what was changed since (local time)."),
    click.option(
        "--kinds",
        multiple=True,
        type=click.Choice(["attachment", "photo", "sheet"]),
        help="Only such records of a PlanGrid project.",
    ),
)
_RUN: Options = (
    click.option("--transfers", type=click.IntRange(min=1), help="Files on their way at once."),
    click.option("--max-bandwidth", type=click.IntRange(min=1), metavar="BYTES", help="Bytes a second in all."),
    click.option("--max-errors", type=click.IntRange(min=0), help="Stop when more documents than this have failed."),
    click.option(
        "--on-changed",
        type=click.Choice(["send", "send-again", "skip", "fail"]),
        default="send",
        show_default=True,
        help="Files that changed since they were found; send-again: also those that had arrived.",
    ),
    click.option(
        "--spool-bytes",
        type=click.IntRange(min=1),
        metavar="BYTES",
        help="Of a PlanGrid project's files that lie fetched beside the journal at once, at most.  [default: 10 GB]",
    ),
    click.option("--wait", is_flag=True, help="Wait until the Plangrep jobs have ended."),
)


def _dedupe(default: str) -> Options:
    return (
        click.option(
            "--dedupe",
            type=click.Choice(["skip", "keep"]),
            default=default,
            show_default=True,
            help="Files with the same bytes: take them once, or each.",
        ),
    )


_JOURNAL: Options = (
    click.option(
        "--journal",
        default=JOURNAL,
        show_default=True,
        metavar="FILE|URL",
        help="What is known of each document: a file, or a postgresql:// URL.",
    ),
)
_JSON: Options = (click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for machines."),)
_OUTPUT: Options = (*_JSON, click.option("--quiet", is_flag=True, help="Show problems only."))


@click.group()
def migrate() -> None:
    """Move whole document sets, and prove that everything arrived.

    A SOURCE is a folder, a manifest (.csv or .jsonl), or plangrid:UID. Interrupted at any moment, the same command
    again goes on.

    Exit codes: 0 all is well; 1 a document failed or differs; 2 wrong usage; 3 the service, the network or the
    journal; 130 interrupted.
    """


def _add(name: str, text: str, *options: Callable[[Any], Any], runs: str | None = None) -> None:
    """Add a command that calls the function of its name, or ``runs``, of :mod:`.migrate_commands`."""

    def callback(context: click.Context, /, **arguments: Any) -> None:
        _call(context, runs or name, arguments)

    command = click.pass_context(callback)
    for option in reversed(options):
        command = option(command)
    migrate.command(name, help=text)(command)


_add(
    "plan",
    "A dry run: what there is, what it takes, what is wrong with it. Nothing is sent or written.",
    *(*_SOURCE, *_TARGET, *_SELECTION, *_JSON),
)
_add(
    "run",
    "Move SOURCE to the target, or go on with it.\n\n"
    "Ctrl-C once finishes what is in flight, twice stops at once; SIGTERM is like Ctrl-C once. Nothing is lost in any "
    "case.",
    *(*_SOURCE, *_TARGET, *_SELECTION, *_RUN, *_dedupe("skip"), *_JOURNAL, *_OUTPUT),
)
_add(
    "export",
    "Fetch SOURCE into FOLDER: files, records as JSON lines, and a manifest that can be imported again.",
    *_SOURCE,
    click.argument("target", metavar="FOLDER", type=click.Path(file_okay=False), callback=_absolute),
    *(*_SELECTION, *_RUN, *_dedupe("keep"), *_JOURNAL, *_OUTPUT),
    runs="run",
)
_add(
    "resume",
    "Go on with what the journal knows, with the options of the last run; the source is not gone through again.",
    *(*_JOURNAL, *_OUTPUT),
)
_add("retry", "Begin the failed documents anew, and go on with the others.", *(*_JOURNAL, *_OUTPUT))
_add("status", "How far it is; may be asked while a run goes on.", *(*_JOURNAL, *_JSON))
_add(
    "verify",
    "Compare what arrived with the target itself: counts, sizes, digests where the service allows.",
    click.option("--deep", is_flag=True, help="Fetch files where the service tells no digest, and compare."),
    click.option("--reopen", is_flag=True, help="Let `resume` send what is missing again."),
    *(*_JOURNAL, *_JSON),
)
_add(
    "report",
    "Write report.md, documents.csv and course.png (throughput and errors over time) into FOLDER.",
    click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default="migration-report"),
    *(*_JOURNAL, *_JSON),
)
