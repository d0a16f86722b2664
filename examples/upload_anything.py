"""The upload engine alone: any file to any presigned URL, or to several of them in parts.

python examples/upload_anything.py FILE URL                            one PUT
python examples/upload_anything.py FILE URL1 URL2 URL3                 parts in parallel; prints their ETags
python examples/upload_anything.py FILE URL1 URL2 --complete URL       ... and completes the upload (S3's document)
python examples/upload_anything.py FILE URL1 URL2 --state state.json   Ctrl-C or kill it, start it again: it goes on

-H "Name: value" adds a header that was signed with the URL. Part URLs are for parts of equal size (the last may be
smaller) in their order.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from plangrep_async import PlangrepAsyncError
from plangrep_async.upload import (
    ConfirmedPart,
    MultipartTarget,
    Outcome,
    PutTarget,
    Target,
    Upload,
    UploadProgress,
    UploadScheduler,
    UploadSettings,
    UploadState,
    complete_document,
)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("urls", nargs="+", metavar="URL")
    parser.add_argument("-H", "--header", action="append", default=[], metavar="NAME: VALUE")
    parser.add_argument("--complete", metavar="URL", help="presigned URL of CompleteMultipartUpload")
    parser.add_argument("--part-size", type=int, metavar="BYTES", help="default: the file in equal parts")
    parser.add_argument("--state", type=Path, metavar="FILE", help="where the upload's state is kept")
    parser.add_argument("--max-bandwidth", type=float, metavar="MB", help="MB a second")
    return parser.parse_args(arguments)


def show(progress: UploadProgress) -> None:
    """One line, written over."""
    done = progress.bytes_confirmed / max(1, progress.bytes_known)
    left = "" if progress.seconds_left is None else f", {progress.seconds_left:.0f} s left"
    end = "\n" if progress.final else "\r"
    print(f"{done:4.0%} confirmed, {progress.rate / 1e6:.1f} MB/s{left}   ", end=end, file=sys.stderr, flush=True)


def make_target(options: argparse.Namespace, scheduler: UploadScheduler) -> Target:
    headers = [tuple(header.split(": ", 1)) for header in options.header]
    if len(options.urls) == 1 and not options.complete:
        return PutTarget(url=options.urls[0], headers=headers)

    async def finish(parts: Sequence[ConfirmedPart]) -> None:
        if options.complete:
            answer = await scheduler.request("POST", options.complete, content=complete_document(parts))
            if answer.status != 200 or b"<Error>" in answer.content:
                raise PlangrepAsyncError(f"completing was refused: {answer.status} {answer.content.decode()}")

    equal = -(-options.file.stat().st_size // len(options.urls))
    return MultipartTarget(
        upload_id="the URLs given",
        part_size=options.part_size or max(1, equal),
        part_urls=options.urls,
        headers=headers,
        finish=finish,
    )


async def run(options: argparse.Namespace) -> Outcome:
    def keep(state: UploadState) -> None:
        if options.state is not None:
            new = options.state.with_suffix(".new")
            new.write_text(json.dumps(state.to_json()))
            new.replace(options.state)

    resume = None
    if options.state is not None and options.state.exists():
        resume = UploadState.from_json(json.loads(options.state.read_text()))
    bandwidth = options.max_bandwidth and options.max_bandwidth * 1e6
    async with UploadScheduler(UploadSettings(max_bandwidth=bandwidth)) as scheduler:
        upload = Upload(options.file, make_target(options, scheduler), on_state=keep, resume=resume)
        report = await scheduler.run_all([upload], on_progress=show)
    for outcome in report.failed:
        raise outcome.error or RuntimeError("failed")
    [outcome] = report.uploaded
    return outcome


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    try:
        outcome = asyncio.run(run(options))
    except KeyboardInterrupt:
        print(
            "stopped" + (f"; the same command goes on from {options.state}" if options.state else ""), file=sys.stderr
        )
        return 130
    except PlangrepAsyncError as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    for part in outcome.result.parts:
        print(part.number, part.size, part.etag)
    if outcome.result.answer is not None:
        print(outcome.result.answer.status, outcome.result.answer.headers.get("etag", ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
