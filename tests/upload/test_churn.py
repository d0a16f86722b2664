"""Random cancellations over real sockets: afterwards every transfer works, and nothing is left of the others."""

from __future__ import annotations

import asyncio
import os
import random
import re
import threading

import pytest

from plangrep_async.upload import PutTarget, Upload, UploadFile, UploadScheduler, UploadSettings
from plangrep_async.upload.ordering import LARGE


class Server:
    """Takes PUTs, sometimes late, sometimes hanging up; keeps the sizes of complete bodies."""

    def __init__(self, chance):
        self.chance = chance
        self.complete = {}
        self.open = 0
        self.calm = False

    async def serve(self, reader, writer):
        self.open += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ", 2)[1].decode()
                left = size = int(re.search(rb"content-length: (\d+)", head.lower()).group(1))
                while left:
                    left -= len(await reader.readexactly(min(left, 1 << 16)))
                    if not self.calm and self.chance.random() < 0.01:
                        return
                if not self.calm:
                    await asyncio.sleep(self.chance.random() * 0.01)
                self.complete[path] = size
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()


@pytest.mark.parametrize("seed", [1, 2])
async def test_churn(seed):
    chance = random.Random(seed)
    server = Server(chance)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    sizes = (0, 1000, 100_000, LARGE, 2 * LARGE)
    descriptors = len(os.listdir("/proc/self/fd"))
    threads = set(threading.enumerate())

    def upload(name):
        size = chance.choice(sizes)
        return Upload(UploadFile(bytes(size), name=name), PutTarget(url=f"{url}/{name}"), key=size)

    async with UploadScheduler(UploadSettings(max_transfers=6), trust_env=False) as scheduler:
        for _ in range(15):
            tasks = [asyncio.create_task(scheduler.upload(upload(f"x{n}"))) for n in range(12)]
            await asyncio.sleep(chance.random() * 0.05)
            for task in tasks:
                if chance.random() < 0.6:
                    task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        [lane] = scheduler.statistics().values()
        assert (lane.running, lane.waiting) == (0, 0)

        server.calm = True
        report = await scheduler.run_all(upload(f"y{n}") for n in range(60))
        assert len(report.uploaded) == 60
        complete = {path: size for path, size in server.complete.items() if path.startswith("/y")}
        assert complete == {f"/{outcome.file_name}": outcome.upload.key for outcome in report.uploaded}
    listener.close()
    await listener.wait_closed()
    for _ in range(200):
        left = [thread for thread in threading.enumerate() if thread not in threads and "upload" in thread.name]
        if not server.open and not left and len(os.listdir("/proc/self/fd")) <= descriptors:
            return
        await asyncio.sleep(0.01)
    raise AssertionError((server.open, left, os.listdir("/proc/self/fd"), descriptors))
