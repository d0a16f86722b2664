"""What is private stays where it belongs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import plangrep_async

ROOT = Path(plangrep_async.__file__).parent

DOCUMENTED = {"_mapping", "_replace"}  # of SQLAlchemy's Row and of named tuples

OF_ONES_OWN = {
    # An object of the class itself, or of one beside it in the same module.
    ("plangrep/client.py", "copy"),
    ("plangrid/client.py", "other"),
    ("session/secret.py", "other"),
    ("session/secret.py", "value"),
    ("upload/wire/multiplex.py", "errand"),
    # Of another library, which has no other way in.
    ("emulator/plangrep/inspection.py", "stream.get_object()"),
}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("_")


def private_uses(path: Path) -> Iterator[str]:
    """Private names of other objects that a module uses, and what it imports of another room's private parts."""
    here = str(path.relative_to(ROOT))
    package = ["plangrep_async", *path.relative_to(ROOT).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in DOCUMENTED:
            owner = ast.unparse(node.value)
            if owner not in {"self", "cls", "super()"} and (here, owner) not in OF_ONES_OWN:
                yield f"line {node.lineno}: {owner}.{node.attr}"
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            module = [*start, *(node.module or "").split(".")] if node.module else start
            room = [part for part in module if part][1:]
            if module[:1] != ["plangrep_async"] or room[:1] == package[1:2]:
                continue
            # A room may be private to the package as a whole; what is in it is not private for that.
            names = [*room[1:], *(alias.name for alias in node.names if room)]
            private = [name for name in names if is_private(name)]
            yield from (f"line {node.lineno}: {'.'.join(room)}: {name}" for name in private)


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_private_names_are_used_where_they_belong(path: Path) -> None:
    """Another room's private parts are out of bounds, and so is whatever is private to an object but one's own."""
    assert list(private_uses(path)) == []
