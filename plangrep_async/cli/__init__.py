"""The command ``plangrep-async`` (extra ``cli``)."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command and exit. Without the ``cli`` extra it says what to install."""
    try:
        from .app import run
    except ModuleNotFoundError as error:
        if error.name not in ("click", "rich"):
            raise
        print(  # noqa: T201
            f"plangrep-async: {error.name} is missing; install the command with: pip install 'plangrep-async[cli]'",
            file=sys.stderr,
        )
        sys.exit(2)
    sys.exit(run())
