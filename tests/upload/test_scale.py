"""What grows with the number and the size of uploads: nothing that matters."""

from __future__ import annotations

import gc
import os
import tracemalloc

from plangrep_async.testing import FakeTransfer
from plangrep_async.upload import MultipartTarget, PutTarget, Upload, UploadFile, UploadScheduler, UploadSettings

URL = "https://storage.example/k"
GIB = 1 << 30
MIB = 1 << 20


class Counting(FakeTransfer):
    """Keeps nothing."""

    def steps(self, request, *, cancel, on_sent=None):
        answer = yield from super().steps(request, cancel=cancel, on_sent=on_sent)
        self.requests.clear()
        return answer


async def test_memory_does_not_grow_with_the_queue():
    uploads = (Upload(UploadFile(b"x" * 100, name=f"{n}"), PutTarget(url=URL)) for n in range(2_000))
    peaks = []
    done = 0
    async with UploadScheduler(UploadSettings(lookahead=128), transfer=Counting(keep_bodies=False)) as scheduler:
        gc.collect()
        tracemalloc.start()
        try:
            async for outcome in scheduler.run(uploads):
                assert outcome.ok
                done += 1
                if done % 500 == 0:
                    gc.collect()
                    peaks.append(tracemalloc.get_traced_memory()[1])
                    tracemalloc.reset_peak()
        finally:
            tracemalloc.stop()
    assert done == 2_000
    assert max(peaks) < 8 * MIB
    assert peaks[-1] < 1.2 * peaks[0]


async def test_files_in_work_do_not_outnumber_the_threads(tmp_path):
    content = os.urandom(1000)
    paths = []
    for number in range(200):
        paths.append(tmp_path / str(number))
        paths[-1].write_bytes(content)
    most = 0

    class Watching(Counting):
        def _read(self, request, on_sent):
            nonlocal most
            here = sum(target.startswith(str(tmp_path)) for target in open_files())
            most = max(most, here)
            return super()._read(request, on_sent)

    def open_files():
        for name in os.listdir("/proc/self/fd"):
            try:
                yield os.readlink(f"/proc/self/fd/{name}")
            except OSError:
                continue

    settings = UploadSettings(max_transfers=6, start_transfers=6, disk_threads=2)
    async with UploadScheduler(settings, transfer=Watching()) as scheduler:
        report = await scheduler.run_all(Upload(path, PutTarget(url=URL), digests=["sha256"]) for path in paths)
    assert len(report.uploaded) == 200
    assert 1 <= most <= 6 + 2


async def test_sparse_gibibytes_in_parts_stay_within_the_budget(tmp_path):
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(GIB)

    class Skimming(Counting):
        """Reads the first block of each request only: what is measured is the engine."""

        def _read(self, request, on_sent):
            request.body.source.readinto_at(request.body.offset, memoryview(bytearray(MIB)))
            return b""

    urls = [URL] * 64
    uploads = [Upload(path, MultipartTarget(upload_id="s", part_size=16 * MIB, part_urls=urls)) for _ in range(32)]
    settings = UploadSettings()
    async with UploadScheduler(settings, transfer=Skimming()) as scheduler:
        gc.collect()
        tracemalloc.start()
        try:
            report = await scheduler.run_all(uploads)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert len(report.uploaded) == 32
    assert peak < settings.memory + 16 * MIB
