"""The checks of the project: ``nox`` runs them all, ``nox -s tests`` one of them."""

from __future__ import annotations

import glob
import os

import nox

nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["lint", "types", "tests", "demo", "wheel"]

PYTHONS = ["3.11", "3.12", "3.13"]


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The test suite, with branch coverage, on each Python that is there."""
    session.install("-e", ".[dev]")
    session.run("pytest", "-n", "2", "--cov", "--cov-report=term", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and common mistakes."""
    session.install("ruff>=0.9")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """mypy --strict and pyright on the package."""
    session.install("-e", ".[types]")
    session.run("mypy")
    session.run("pyright")


@nox.session
def demo(session: nox.Session) -> None:
    """The main job on real files, against the emulator."""
    session.install("-e", ".[cli,emulator]")
    out = session.create_tmp()
    session.run("plangrep-async", "submit", "examples/documents", "--emulator", "--out", f"{out}/result.json")


@nox.session
def wheel(session: nox.Session) -> None:
    """Build the wheel and run the tests against what it installs."""
    session.install("build")
    dist = os.path.abspath(session.create_tmp())
    session.run("python", "-m", "build", "--wheel", "--outdir", dist, ".")
    (built,) = sorted(glob.glob(f"{dist}/*.whl"))[-1:]
    session.install(f"plangrep-async[dev] @ file://{built}")
    # Without the checkout on the path: what is tested is what was installed.
    session.run("python", "-P", "-c", "import plangrep_async, sys; assert 'site-packages' in plangrep_async.__file__")
    session.run("python", "-P", "-m", "pytest", "-n", "2", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """The benchmarks; arguments after ``--`` choose among them."""
    session.install("-e", ".[cli,emulator,bench]")
    session.run("python", "-m", "benchmarks", *session.posargs)
