"""Turns: never more inside than there are places, in the order of coming."""

from __future__ import annotations

import threading

import pytest

from plangrep_async.upload.wire.turnstile import Turnstile, cores


def test_it_counts_this_process_own_processors():
    assert cores() >= 1


@pytest.mark.parametrize("places", [1, 2, 5])
def test_never_more_inside_than_places(places):
    turnstile = Turnstile(places)
    lock = threading.Lock()
    inside = most = passed = 0

    def work():
        nonlocal inside, most, passed
        for _ in range(200):
            with turnstile:
                with lock:
                    inside += 1
                    most = max(most, inside)
                with lock:
                    inside -= 1
                    passed += 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most <= places
    assert (inside, passed) == (0, 8 * 200)
    for _ in range(places):  # all places are free again
        turnstile.__enter__()


def test_first_come_first_served_and_no_barging():
    turnstile = Turnstile(1)
    order = []
    threads = []

    def work(number):
        with turnstile:
            order.append(number)

    with turnstile:
        for number in range(5):
            thread = threading.Thread(target=work, args=(number,))
            thread.start()
            threads.append(thread)
            while len(turnstile._waiting) <= number:
                pass
    with turnstile:  # left and came back: behind all who waited
        order.append("again")
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4, "again"]


def test_a_failure_inside_gives_the_place_back():
    turnstile = Turnstile(1)
    with pytest.raises(BlockingIOError), turnstile:
        raise BlockingIOError
    with turnstile:
        pass
