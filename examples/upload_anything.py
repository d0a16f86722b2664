"""The upload engine alone: any file to any presigned URL, or to several of them in parts.

python examples/upload_anything.py FILE URL                            one PUT
python examples/upload_anything.py FILE URL1 URL2 URL3                 parts in parallel; prints their ETags
python examples/upload_anything.py FILE URL1 URL2 --complete URL       ... and completes the upload (S3's document)
python examples/upload_anything.py FILE URL1 URL2 --state state.json   Ctrl-C or kill it, start it again: it goes on

-H "Name: value" adds a header that was signed with the URL. Part URLs are for parts of equal size (the last may be
smaller) in their order. A state goes with what its URLs name: with those of another object or session it begins anew.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qs

from plangrep_async import InvalidInputError, PlangrepAsyncError
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


def header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not (name.strip() and colon):
        raise argparse.ArgumentTypeError('write "Name: value"')  # without the text: it may be a secret
    return name.strip(), value.strip()


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("urls", nargs="+", metavar="URL")
    parser.add_argument("-H", "--header", action="append", type=header, default=[], metavar="NAME: VALUE")
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


def identify(urls: Sequence[str]) -> str:
    """What the URLs name, however they are signed: as a digest, for a path may be a secret, too."""
    named = {}  # once each, in their order
    for url in urls:
        where, _, query = url.partition("?")
        named[where, *parse_qs(query).get("uploadId", [])] = True
    return hashlib.sha256(json.dumps(list(named)).encode()).hexdigest()


def make_target(options: argparse.Namespace, scheduler: UploadScheduler) -> Target:
    identity = identify(options.urls)
    if len(options.urls) == 1 and not options.complete:
        return PutTarget(url=options.urls[0], headers=options.header, memo=identity)

    async def finish(parts: Sequence[ConfirmedPart]) -> None:
        if options.complete:
            answer = await scheduler.request("POST", options.complete, content=complete_document(parts))
            if answer.status != 200 or b"<Error>" in answer.content:
                raise PlangrepAsyncError(f"completing was refused: {answer.status} {answer.content.decode()}")

    equal = -(-options.file.stat().st_size // len(options.urls))
    return MultipartTarget(
        upload_id=identity,
        part_size=options.part_size or max(1, equal),
        part_urls=options.urls,
        headers=options.header,
        finish=finish,
        memo=identity,
    )


def read_state(path: Path | None, target: Target) -> UploadState | None:
    """What was kept of the same upload."""
    if path is None or not path.exists():
        return None
    try:
        state = UploadState.from_json(json.loads(path.read_text()))
    except ValueError as error:  # no JSON, no text at all, or something else's
        raise InvalidInputError(f"{path} holds no upload's state ({error}); name another file, or delete it") from error
    if state.memo == target.memo:
        return state
    print(f"{path} is of another upload: beginning anew", file=sys.stderr)
    return None


async def run(options: argparse.Namespace) -> Outcome:
    def keep(state: UploadState) -> None:
        if options.state is not None:
            new = options.state.with_suffix(".new")
            new.write_text(json.dumps(state.to_json()))
            new.replace(options.state)

    bandwidth = options.max_bandwidth and options.max_bandwidth * 1e6
    async with UploadScheduler(UploadSettings(max_bandwidth=bandwidth)) as scheduler:
        target = make_target(options, scheduler)
        resume = read_state(options.state, target)
        upload = Upload(options.file, target, on_state=keep, resume=resume)
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
    except (PlangrepAsyncError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    for part in outcome.result.parts:
        print(part.number, part.size, part.etag)
    if outcome.result.answer is not None:
        print(outcome.result.answer.status, outcome.result.answer.headers.get("etag", ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
