"""``plangrep-async migrate``: its arguments. What they do stands in :mod:`.migrate_commands`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import click

from ..errors import ConfigurationError, PlangrepAsyncError
from .exits import INTERRUPTED, exit_code, sentence

__all__ = ["migrate"]

F = TypeVar("F", bound=Callable[..., Any])

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
    except KeyboardInterrupt:
        code = INTERRUPTED
    except PlangrepAsyncError as error:
        if (context.obj or {}).get("debug"):
            raise
        click.echo(sentence(error), err=True)
        code = exit_code(error)
    context.exit(code)


def _options(*decorators: Callable[[Any], Any]) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


_journal = click.option(
    "--journal",
    default=JOURNAL,
    show_default=True,
    metavar="FILE|URL",
    help="What is known of each document: a file, or a postgresql:// URL.",
)
_json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for machines.")
_quiet = click.option("--quiet", is_flag=True, help="Show problems only.")

_source_options = _options(
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
_target_options = _options(
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
_run_options = _options(
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
        "--dedupe",
        type=click.Choice(["skip", "keep"]),
        default="skip",
        show_default=True,
        help="Files with the same bytes: send them once, or each.",
    ),
    click.option("--wait", is_flag=True, help="Wait until the Plangrep jobs have ended."),
)


@click.group()
def migrate() -> None:
    """Move whole document sets, and prove that everything arrived.

    A SOURCE is a folder, a manifest (.csv or .jsonl), or plangrid:UID. Interrupted at any moment, the same command
    again goes on.

    Exit codes: 0 all is well; 1 a document failed or differs; 2 wrong usage; 3 the service, the network or the
    journal; 130 interrupted.
    """


@migrate.command("plan")
@click.argument("source")
@_target_options
@_source_options
@_json
@click.pass_context
def plan_command(context: click.Context, /, **arguments: Any) -> None:
    """A dry run: what there is, what it takes, what is wrong with it. Nothing is sent or written."""
    _call(context, "plan", arguments)


@migrate.command("run")
@click.argument("source")
@_target_options
@_source_options
@_run_options
@_journal
@_json
@_quiet
@click.pass_context
def run_command(context: click.Context, /, **arguments: Any) -> None:
    """Move SOURCE to the target, or go on with it.

    Ctrl-C once finishes what is in flight, twice stops at once; SIGTERM is like Ctrl-C once. Nothing is lost in any
    case.
    """
    _call(context, "run", arguments)


@migrate.command("export")
@click.argument("source")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@_source_options
@_run_options
@_journal
@_json
@_quiet
@click.pass_context
def export_command(context: click.Context, /, folder: Path, **arguments: Any) -> None:
    """Fetch SOURCE into FOLDER: files, records as JSON lines, and a manifest that can be imported again."""
    _call(context, "run", {**arguments, "target": str(folder), "pdfs": "attachments", "version_name": "Migration"})


@migrate.command("resume")
@_journal
@_json
@_quiet
@click.pass_context
def resume_command(context: click.Context, /, **arguments: Any) -> None:
    """Go on with what the journal knows, with the options of the last run; the source is not gone through again."""
    _call(context, "resume", arguments)


@migrate.command("retry")
@_journal
@_json
@_quiet
@click.pass_context
def retry_command(context: click.Context, /, **arguments: Any) -> None:
    """Begin the failed documents anew, and go on with the others."""
    _call(context, "retry", arguments)


@migrate.command("status")
@_journal
@_json
@click.pass_context
def status_command(context: click.Context, /, **arguments: Any) -> None:
    """How far it is; may be asked while a run goes on."""
    _call(context, "status", arguments)


@migrate.command("verify")
@click.option("--deep", is_flag=True, help="Fetch files where the service tells no digest, and compare.")
@_journal
@_json
@click.pass_context
def verify_command(context: click.Context, /, **arguments: Any) -> None:
    """Compare what arrived with the target itself: counts, sizes, digests where the service allows."""
    _call(context, "verify", arguments)


@migrate.command("report")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default="migration-report")
@_journal
@click.pass_context
def report_command(context: click.Context, /, **arguments: Any) -> None:
    """Write report.md, documents.csv and course.png (throughput and errors over time) into FOLDER."""
    _call(context, "report", arguments)
