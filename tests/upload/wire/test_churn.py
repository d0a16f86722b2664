"""Everything at once: many threads, a far end that misbehaves at random, cancels at random moments."""

from __future__ import annotations

import contextlib
import random
import threading
import time

from plangrep_async.errors import TransferError
from plangrep_async.upload.wire import CancelToken


def test_cancelling_at_random_leaves_a_pool_that_works(far_end, make_pool, put):
    def script(line):
        chance = random.Random(line.number)
        while True:
            _, body = line.read_request()
            if chance.random() < 0.03:
                return  # closes a kept connection, or one that waits for its answer
            if chance.random() < 0.03:
                line.reset()
                return
            line.answer(content=bytes(len(body) % 256))

    far, pool = far_end(script), make_pool(max_idle=4)
    outcomes = {"answers": 0, "errors": 0}
    lock = threading.Lock()

    def work(number):
        chance = random.Random(number)
        for _ in range(60):
            size, token = chance.choice([0, 10, 5000, 400_000]), CancelToken()
            if chance.random() < 0.3:
                killer = threading.Timer(chance.random() * 0.003, token.cancel)
                killer.start()
            try:
                answer = pool.send(put(far, bytes(size)), cancel=token)
            except TransferError:
                with lock:
                    outcomes["errors"] += 1
            else:
                assert len(answer.content) == size % 256
                assert answer.sent == size
                with lock:
                    outcomes["answers"] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(outcomes.values()) == 480
    assert outcomes["answers"] > 200
    time.sleep(0.01)  # the last timers
    for _ in range(20):
        with contextlib.suppress(TransferError):  # the far end goes on misbehaving
            assert pool.send(put(far, b"x")).status == 200
