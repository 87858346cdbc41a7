"""Storms of exits: who asks is answered between them, and neither the table nor the journal loses count."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from core.linux import init as client
from core.linux.init import Exit, Init
from tests.support.ask import settled
from tests.support.pid1 import Node, until
from tests.support.storm import expected, storm

BATCH = 64  # ext/init/reap.c
REQUEST = client.REQUEST.pack(client.Op.STATUS, 0, 0, b"")


@contextmanager
def stopped(node: Node) -> Iterator[None]:
    """PID 1 at rest, so that whatever comes meanwhile awaits it all at once."""
    os.kill(node.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(node.pid, signal.SIGCONT)


def test_who_asks_is_answered_between_batches(running: Node) -> None:
    settled(running)
    since = running.init().status().exits
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection, storm(running, 2000) as orphans:
        connection.settimeout(30)
        connection.connect(str(running.path(client.SOCKET)))
        with stopped(running):
            orphans.release()
            for _ in range(20):
                connection.send(REQUEST)
        told = [client.STATUS.unpack(connection.recv(1 << 16)[client.REPLY.size :])[0] for _ in range(20)]
    steps = [later - earlier for earlier, later in zip([since, *told], told, strict=False)]
    assert max(steps) <= BATCH + 2  # the storm's own starters end too
    until(lambda: running.init().status().exits >= since + 2000, 30, "all to be reaped")


class Follower:
    """Reads the journal as it grows and counts what was overwritten before it looked."""

    def __init__(self, init: Init) -> None:
        self._init = init
        self._first = self._last = init.status().exits
        self.exits: list[Exit] = []
        self.lost = 0

    def read(self) -> int:
        """How many have ended by now."""
        for exit_ in self._init.journal(self._last):
            self.lost += exit_.sequence - self._last - 1
            self._last = exit_.sequence
            self.exits.append(exit_)
        return self._last - self._first


def kept(init: Init, name: str) -> bytes:
    fd = init.get(name)
    assert fd is not None
    try:
        return os.pread(fd, 100, 0)
    finally:
        os.close(fd)


def test_ten_thousand_orphans_while_the_table_is_in_use(running: Node) -> None:
    settled(running)
    init, follower = running.init(), Follower(running.init())
    since = init.status().exits
    before, names = set(init.names()), [f"storm.{number}" for number in range(100)]
    with storm(running, 10_000) as orphans:
        with stopped(running):
            orphans.release()
        for turn, name in enumerate(
            names * 3
        ):  # each is put twice, the second time in place of the first, then dropped
            if turn >= 200:
                assert kept(init, name) == f"{name} {turn - 100}".encode()
                init.drop(name)
                continue
            memory = os.memfd_create(name)
            os.write(memory, f"{name} {turn}".encode())
            init.put(name, memory)
            os.close(memory)
            assert kept(init, name) == f"{name} {turn}".encode()
            follower.read()
    until(lambda: follower.read() >= orphans.count, 60, "all to be reaped")
    assert set(init.names()) == before
    assert follower.lost + len(follower.exits) == follower.read() == init.status().exits - since
    assert len(follower.exits) >= 4096
    assert len({exit_.pid for exit_ in follower.exits}) == len(follower.exits)
    assert [exit_ for exit_ in follower.exits if exit_.status != expected(exit_.pid)] == []
