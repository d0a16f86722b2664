"""Imports point one way."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import plangrep_async

ROOT = Path(plangrep_async.__file__).parent

BASE = {"config", "errors", "_checks", "_clock", "_version"}
SESSION = BASE | {"ratelimit", "session"}
ENGINES = SESSION | {"upload", "batch", "_records"}

ALLOWED: dict[str, set[str]] = {
    "_version": set(),
    "_clock": set(),
    "errors": {"errors"},
    "_checks": {"errors"},
    "config": {"errors", "_checks"},
    "_records": SESSION | {"_records"},
    "ratelimit": BASE | {"ratelimit"},
    "session": SESSION,
    "batch": SESSION | {"batch"},
    "upload": SESSION | {"upload"},
    "plangrep": ENGINES | {"plangrep"},
    "plangrid": ENGINES | {"plangrid"},
    "emulator": {"emulator"},
    "testing": SESSION | {"testing", "emulator", "upload"},
    "migrate": ENGINES | {"plangrep", "plangrid", "migrate"},
    "__main__": {"cli"},
    "cli": ENGINES | {"plangrep", "plangrid", "migrate", "emulator", "cli"},
}


def modules() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """The rooms of this package that a module imports, with the line."""
    package = ["plangrep_async", *path.relative_to(ROOT).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*start, *(node.module or "").split(".")]).strip(".")
            names = [f"{module}.{alias.name}" for alias in node.names] if module == "plangrep_async" else [module]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == "plangrep_async" and len(parts) > 1:
                yield parts[1], node.lineno


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_what_lies_below_it(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0].removesuffix(".py")
    wrong = [f"line {line}: {target}" for target, line in imports(path) if target not in ALLOWED[room]]
    assert wrong == []


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_one_noun(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


def test_importing_the_package_opens_nothing_and_needs_no_extra() -> None:
    import subprocess
    import sys

    code = (
        "import sys, plangrep_async; "
        # Not click and rich: httpx imports them itself where they are installed.
        "extra = {'starlette', 'uvicorn', 'pypdf', 'sqlalchemy', 'redis'} & set(sys.modules); "
        "assert not extra, extra"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
