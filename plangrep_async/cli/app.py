"""The command line: arguments, exit codes, Ctrl-C."""

from __future__ import annotations

import asyncio
import io
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import click

from .._version import __version__
from ..errors import PlangrepAsyncError
from .display import choose_display
from .exits import INTERRUPTED, OK, SERVICE, USAGE, exit_code, sentence
from .files import collect_files
from .migrate import migrate
from .serve import run_emulator
from .service import plangrep_service
from .submit import DEFAULT_PROJECT, Submission, SubmitOptions, submit

__all__ = ["cli", "run"]

CLASSIFICATIONS = ["plans", "specifications", "documents", "addenda", "mixed", "other"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="plangrep-async")
@click.option("--debug", is_flag=True, help="Show tracebacks, and each request on stderr.")
@click.pass_context
def cli(context: click.Context, debug: bool) -> None:
    """Move construction documents: to Plangrep, to and from PlanGrid.

    Keys come from the environment: PLANGREP_API_KEY, PLANGRID_API_KEY. Everything can be tried without an account
    with --emulator.
    """
    context.obj = {"debug": debug}
    if debug:
        logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
        logging.getLogger("plangrep_async").setLevel(logging.DEBUG)


cli.add_command(migrate)


@cli.command("submit")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--project", default=DEFAULT_PROJECT, show_default=True, help="Name or id; made when it does not exist.")
@click.option("--job", help="Go on with this job instead of making one.")
@click.option(
    "--classification", type=click.Choice(CLASSIFICATIONS), help="Of all files; the service finds out itself."
)
@click.option("--include", multiple=True, default=["*.pdf"], show_default=True, help="Which files of a folder to take.")
@click.option("--external-id", help="Your own id for the job, at most 180 characters.")
@click.option("--webhook-url", help="An https URL that is told of each change of status.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the result here, as JSON.")
@click.option("--no-wait", is_flag=True, help="End when processing has begun.")
@click.option("--deadline", type=click.FloatRange(min=0, min_open=True), help="Seconds to wait for the job's end.")
@click.option("--transfers", type=click.IntRange(min=1), help="Files on their way at once.")
@click.option("--max-bandwidth", type=click.IntRange(min=1), metavar="BYTES", help="Bytes a second, over all files.")
@click.option("--base-url", help="Another address of the service. [PLANGREP_BASE_URL]")
@click.option("--emulator", is_flag=True, help="Run against an emulator that is started and stopped here.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for machines.")
@click.option("--quiet", is_flag=True, help="Show problems only.")
@click.pass_context
def submit_command(context: click.Context, /, **arguments: Any) -> None:
    """Submit PATHS (files, or folders of PDFs) as one job, and wait for its result.

    Exit codes: 0 all is well; 1 a document failed; 2 wrong usage; 3 the service or the network; 130 interrupted.
    """
    display = choose_display(as_json=arguments["as_json"], quiet=arguments["quiet"])
    submission: Submission | None = None
    try:
        if not arguments["paths"] and not arguments["job"]:
            raise click.UsageError("name at least one file or folder, or a job to go on with (--job)")
        options = SubmitOptions(
            files=collect_files(arguments["paths"], arguments["include"]),
            project=arguments["project"],
            job=arguments["job"],
            classification=arguments["classification"],
            external_id=arguments["external_id"],
            webhook_url=arguments["webhook_url"],
            out=arguments["out"],
            wait=not arguments["no_wait"],
            transfers=arguments["transfers"],
            max_bandwidth=arguments["max_bandwidth"],
            deadline=arguments["deadline"],
        )
        submission = Submission(options, arguments["base_url"])
        with plangrep_service(emulator=arguments["emulator"], base_url=arguments["base_url"]) as service:
            code = run_interruptibly(submit(service, submission, display))
    except (KeyboardInterrupt, PlangrepAsyncError) as error:
        display.close()
        if isinstance(error, KeyboardInterrupt):
            display.problem("Interrupted.")
            code = INTERRUPTED
        else:
            if context.obj["debug"]:
                raise
            display.problem(sentence(error), error=type(error).__name__)
            code = exit_code(error)
        hint = submission.how_to_go_on() if submission is not None and not arguments["emulator"] else None
        if hint:
            display.problem(hint)
    finally:
        display.close()
    context.exit(code)


@cli.command("emulator")
@click.option("--port", type=click.IntRange(0, 65533), default=0, help="Of Plangrep; the other origins take the next.")
@click.option("--speed", type=click.FloatRange(min=0), default=60.0, show_default=True, help="Seconds in a second.")
@click.option("--json", "as_json", is_flag=True, help="Print the addresses as JSON.")
@click.pass_context
def emulator_command(context: click.Context, port: int, speed: float, as_json: bool) -> None:
    """Run both services and their storage on this machine until Ctrl-C. Nothing is kept.

    It prints the variables to set, and a project of Plangrep and two of PlanGrid: one with records, and an empty one.
    """
    try:
        code = run_emulator(port=port, speed=speed, as_json=as_json)
    except PlangrepAsyncError as error:
        click.echo(sentence(error), err=True)
        code = exit_code(error)
    context.exit(code)


def run_interruptibly(work: Coroutine[Any, Any, int]) -> int:
    """Run to the end; Ctrl-C and SIGTERM cancel the work, which then leaves cleanly.

    Raises:
        KeyboardInterrupt: it was interrupted.
    """

    async def main() -> int:
        task = asyncio.current_task()
        assert task is not None
        stop: Callable[[], object] = task.cancel
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)
        try:
            return await work
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def _prepare_streams() -> None:
    """A character that the terminal cannot show, or an output that was closed, must not end the work."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open("/dev/null", "w"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    _prepare_streams()
    try:
        result = cli.main(args=arguments, prog_name="plangrep-async", standalone_mode=False)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return USAGE
    except click.Abort:
        return INTERRUPTED
    except (BrokenPipeError, SystemExit):
        # The reader of our output has gone (click turns that into an exit with 1, which is the code of failed
        # documents here): nothing to say, and nobody to say it to.
        sys.stdout = open("/dev/null", "w")  # noqa: SIM115
        return SERVICE
    return result if isinstance(result, int) else OK
