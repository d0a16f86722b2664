from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import httpx
import pytest

from plangrep_async.emulator import Emulator, serve

PROGRAM = """
from plangrep_async.emulator import Emulator, serve
serve(Emulator(), announce=lambda emulator: print(emulator.plangrep_url, flush=True))
"""


def test_serving_until_told_to_stop() -> None:
    stop = threading.Event()
    seen: list[int] = []

    def announce(emulator: Emulator) -> None:
        seen.append(httpx.get(f"{emulator.plangrep_url}/_emulator/").status_code)
        stop.set()

    before = signal.getsignal(signal.SIGTERM)
    serve(Emulator(), announce=announce, until=stop)
    assert seen == [200]
    assert signal.getsignal(signal.SIGTERM) is before


def test_sigterm_ends_it() -> None:
    ended = []

    def announce(emulator: Emulator) -> None:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
        ended.append(emulator)

    serve(Emulator(), announce=announce)
    assert not ended[0].running


def test_a_killed_process_refuses_connections() -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert httpx.get(f"{url}/_emulator/").status_code == 200
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/_emulator/")
