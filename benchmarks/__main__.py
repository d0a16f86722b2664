"""``python -m benchmarks`` lists the questions, ``NAME [options]`` answers one, ``all [--quick]`` each in turn."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from pathlib import Path

_HERE = Path(__file__).parent
_NO_QUESTIONS = {"__init__", "__main__", "sink"}
_LAST = "report"  # reads what the others wrote
_QUICK = "QUICK"  # the constant in which a module has the arguments of a quick run


def questions() -> dict[str, tuple[str, list[str]]]:
    """Name -> the question (the first line of the module's text) and the arguments of a quick run. Imports nothing."""
    found: dict[str, tuple[str, list[str]]] = {}
    for path in sorted(_HERE.glob("*.py"), key=lambda path: (path.stem == _LAST, path.stem)):
        if path.stem in _NO_QUESTIONS or path.stem.startswith("_"):
            continue
        module = ast.parse(path.read_text())
        text = (ast.get_docstring(module) or "").split("\n\n")[0].replace("\n", " ").split(": ``python", 1)[0]
        found[path.stem] = (text, _quick(module, path.name))
    return found


def _quick(module: ast.Module, name: str) -> list[str]:
    for statement in module.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if any(getattr(target, "id", "") == _QUICK for target in targets):
            return list(ast.literal_eval(statement.value))
    raise LookupError(f"{name} does not say {_QUICK} = [...], arguments with which it ends within a minute")


def _listing() -> str:
    found = questions()
    width = max(map(len, found))
    lines = [f"  {name:{width}}  {text}" for name, (text, _) in found.items()]
    usage = "python -m benchmarks NAME [options], NAME --help for the options, all [--quick] for each in turn"
    return "\n".join([*lines, "", usage])


def _run(name: str, arguments: list[str]) -> int:
    return subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *arguments], cwd=_HERE.parent, check=False
    ).returncode


def _run_all(*, quick: bool) -> int:
    failed = []
    for name, (text, short) in questions().items():
        print(f"\n== {name}: {text}", flush=True)
        began = time.monotonic()
        if _run(name, short if quick else []):
            failed.append(name)
        print(f"-- {time.monotonic() - began:.0f} s", flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


def main() -> int:
    name, *arguments = sys.argv[1:] or ["--help"]
    if name in ("-h", "--help", "list"):
        print(_listing())
        return 0
    if name == "all":
        if set(arguments) - {"--quick"}:
            print("all takes --quick alone", file=sys.stderr)
            return 2
        return _run_all(quick="--quick" in arguments)
    if name not in questions():
        print(f"no question {name!r}; there are\n{_listing()}", file=sys.stderr)
        return 2
    return _run(name, arguments)


if __name__ == "__main__":
    sys.exit(main())
