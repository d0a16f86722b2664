"""The proxy breaks what it is told to break, where it is told to, and nothing else."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest

from plangrep_async.testing import Fault, FaultProxy

HEAD = b"PUT /a HTTP/1.1\r\nContent-Length: 1000\r\n\r\n"
BODY = bytes(range(250)) * 4
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"


class Server:
    """Takes one request a connection, keeps what came, answers, closes."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.received = []
        self.changed = threading.Condition()
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def port(self):
        return self.listener.getsockname()[1]

    def _run(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        got = b""
        with contextlib.suppress(OSError), connection:
            while len(got) < len(HEAD) + len(BODY):
                piece = connection.recv(65536)
                if not piece:
                    break
                got += piece
            else:
                connection.sendall(ANSWER)
        with self.changed:
            self.received.append(got)
            self.changed.notify_all()

    def wait(self):
        with self.changed:
            assert self.changed.wait_for(lambda: self.received, 5)
        return self.received[0]


@pytest.fixture
def server():
    server = Server()
    yield server
    server.listener.close()


@pytest.fixture
def proxy(server):
    with FaultProxy("127.0.0.1", server.port) as proxy:
        yield proxy


def talk(proxy, timeout=5.0):
    """What comes back, and how it ended."""
    answer = b""
    try:
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=timeout) as client:
            client.sendall(HEAD)
            client.sendall(BODY)
            while piece := client.recv(65536):
                answer += piece
    except (ConnectionResetError, BrokenPipeError):
        return answer, "reset"
    except TimeoutError:
        return answer, "silence"
    return answer, "end"


def test_without_a_fault_everything_passes(proxy, server):
    assert talk(proxy) == (ANSWER, "end")
    assert server.wait() == HEAD + BODY
    assert (proxy.connections, proxy.struck) == (1, [])


@pytest.mark.parametrize(
    ("in_body", "after"), [(False, 0), (False, 1), (False, 100), (True, 0), (True, 1), (True, 999)]
)
@pytest.mark.parametrize("action", ["close", "reset", "half-close"])
def test_cut_at_a_byte(proxy, server, action, in_body, after):
    fault = Fault(action, after=after, in_body=in_body)
    proxy.plan(fault)
    answer, end = talk(proxy)
    assert answer == b""
    assert end in ({"reset"} if action == "reset" else {"end", "reset"})
    expected = (HEAD + BODY)[: after + (len(HEAD) if in_body else 0)]
    received = server.wait()
    assert received == expected or (action == "reset" and expected.startswith(received))
    assert proxy.struck == [fault]
    assert talk(proxy) == (ANSWER, "end")  # the next one is whole


@pytest.mark.parametrize("after", [0, 1, 20, len(ANSWER) - 1])
def test_cut_in_the_answer(proxy, server, after):
    proxy.plan(Fault("close", direction="down", after=after))
    assert talk(proxy) == (ANSWER[:after], "end")
    assert server.wait() == HEAD + BODY


def test_refused(proxy, server):
    proxy.plan(Fault("refuse"))
    assert talk(proxy) == (b"", "reset")
    assert server.received == []


def test_stalled(proxy, server):
    proxy.plan(Fault("stall", after=500))
    assert talk(proxy, timeout=0.2) == (b"", "silence")
    assert server.wait() == (HEAD + BODY)[:500]  # it ends when the client leaves


def test_trickled(proxy, server):
    proxy.plan(Fault("trickle", after=900, rate=1000))
    began = time.monotonic()
    assert talk(proxy) == (ANSWER, "end")
    assert 0.08 <= time.monotonic() - began < 2


def test_delayed(proxy):
    proxy.plan(Fault("delay", direction="down", seconds=0.1))
    began = time.monotonic()
    assert talk(proxy) == (ANSWER, "end")
    assert time.monotonic() - began >= 0.1


def test_plans_are_for_one_connection_each(proxy):
    proxy.plan(None, Fault("refuse"), Fault("refuse"))
    assert talk(proxy)[1] == "end"
    assert talk(proxy)[1] == "reset"
    proxy.clear()
    assert talk(proxy)[1] == "end"


def test_dropping_what_is_open(proxy):
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        client.sendall(HEAD)
        while not proxy.connections:
            time.sleep(0.001)
        proxy.drop_connections()
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_nobody_behind_it():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with FaultProxy("127.0.0.1", port) as proxy:
        assert talk(proxy) == (b"", "reset")
