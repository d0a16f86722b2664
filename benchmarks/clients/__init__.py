"""This project's engine and its rivals, all behind one function.

Each module has ``connect(job, note)``: an async context manager that gives ``send_all()``. What a program does once
(import, make a client, read the trust store) happens on entering and is not measured. All get the same files, the same
number of uploads at once, the same part size. Where a rival hashes or signs what the protocol does not need, it runs
twice: as it comes, and with that left out ("lean").
"""

from __future__ import annotations

import importlib
import importlib.util
import shutil
from types import ModuleType

from attrs import frozen

from ..harness.job import FORM, MULTIPART, PUT

__all__ = ["CLIENTS", "OURS", "Client", "load", "missing"]

OURS = "plangrep_async"


@frozen
class Client:
    """Attributes: its module here, what must be installed, what it can do, and where its bytes are moved."""

    module: str
    needs: tuple[str, ...]
    ways: tuple[str, ...]
    where: str  # "loop": by the event loop's thread; "threads": by others; "process": by another program


CLIENTS = {
    OURS: Client("engine", (), (PUT, MULTIPART, FORM), "threads"),
    "curl": Client("curl", ("curl",), (PUT, FORM), "process"),
    "obstore": Client("obstore", ("obstore",), (PUT, MULTIPART), "threads"),
    "obstore, lean": Client("obstore", ("obstore",), (PUT, MULTIPART), "threads"),
    "boto3": Client("boto", ("boto3",), (PUT, MULTIPART), "threads"),
    "boto3, lean": Client("boto", ("boto3",), (PUT, MULTIPART), "threads"),
    "boto3 CRT": Client("crt", ("boto3", "awscrt"), (MULTIPART,), "threads"),
    "aioboto3": Client("aioboto", ("aioboto3",), (PUT, MULTIPART), "loop"),
    "aiohttp": Client("aio", ("aiohttp",), (PUT, FORM), "loop"),
    "httpx": Client("httpx", ("httpx",), (PUT, FORM), "loop"),
}


def load(name: str) -> ModuleType:
    """Its module."""
    return importlib.import_module(f"{__name__}.{CLIENTS[name].module}")


def missing(name: str) -> str | None:
    """What is missing, or ``None``."""
    for need in CLIENTS[name].needs:
        found = shutil.which(need) if need == "curl" else importlib.util.find_spec(need)
        if found is None:
            return f"{need} is not installed"
    return None
