"""Workers by themselves: the queue, the four places, the deadline, and what a job's end looks like to who asked."""

import asyncio
import contextlib
import os
import select
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.linux.cgroup import Limits, Tree
from daemons.spawner.table import Job, Rights
from daemons.spawner.workers import QUEUE, Workers
from ext import sys as kernel
from tests.support.clock import FakeClock
from tests.support.pid1 import until


def double(payload: bytes) -> bytes:
    return payload * 2


def stall(payload: bytes) -> bytes:
    signal.pause()
    return payload


def crash(payload: bytes) -> bytes:
    os.kill(os.getpid(), signal.SIGSEGV)
    return payload


def show(_: bytes) -> bytes:
    effective, permitted, inheritable = kernel.capget()
    lowest = sorted(int(entry.name) for entry in Path("/proc/self/fd").iterdir())[:3]
    return f"{os.getuid()} {effective | permitted | inheritable} {lowest}".encode()


def where(_: bytes) -> bytes:
    return Path("/proc/self/cgroup").read_bytes()


def grow(payload: bytes) -> bytes:
    return bytes(payload * (64 << 20))[:1]


HERE = "tests.daemons.test_workers"
NOBODY = Rights(65534, 0, filter=None)
GROUP = f"ichor-test-workers-{os.getpid()}"
JOBS = [Job(f"{HERE}:{name}", NOBODY, cgroup=GROUP) for name in ("double", "stall", "crash", "show", "where", "grow")]


@pytest.fixture
def workers() -> Iterator[Workers]:
    made = Workers(FakeClock(), lambda name: None, JOBS)
    yield made
    made.end_all()
    assert list(made.descriptors()) == []


@pytest.fixture
def group() -> Iterator[list[str]]:
    """The group of the workers, as machined makes it, with 16 MiB; the settings that this kernel refused."""
    tree = Tree.detect()
    try:
        yield [unapplied.setting for unapplied in tree.make(GROUP, Limits(memory_max=16 << 20, pids_max=16))]
    finally:
        tree.remove(GROUP)


def ask(workers: Workers, name: str, payload: bytes = b"", caller: str = "machined") -> socket.socket:
    ours, theirs = socket.socketpair()
    ours.settimeout(10)
    workers.ask(caller, f"{HERE}:{name}", theirs)
    ours.sendall(payload)
    ours.shutdown(socket.SHUT_WR)
    return ours


def answer(ours: socket.socket) -> bytes:
    """All of it; who was killed before it had read its job resets the connection, and has said nothing."""
    said = b""
    with ours, contextlib.suppress(ConnectionResetError):
        while piece := ours.recv(1 << 16):
            said += piece
    return said


def run(workers: Workers) -> None:
    while workers.startable():
        workers.start()


def test_a_job_answers(workers: Workers) -> None:
    asked = [ask(workers, "double", bytes([n]) * 100_000) for n in range(3)]
    run(workers)
    assert [answer(ours) for ours in asked] == [b"O" + bytes([n]) * 200_000 for n in range(3)]


def test_four_at_once_then_the_next(workers: Workers) -> None:
    asked = [ask(workers, "stall") for _ in range(4)]
    last = ask(workers, "double", b"x")
    run(workers)
    assert len(list(workers.running)) == 4
    assert not workers.startable()
    kernel.pidfd_send_signal(next(iter(workers.running)), signal.SIGKILL)
    until(lambda: any(workers.running.ended(pidfd) for pidfd in list(workers.running)))
    run(workers)
    assert answer(last) == b"Oxx"
    for ours in asked:
        ours.close()


def test_the_deadline_kills() -> None:
    clock = FakeClock()
    workers = Workers(clock, lambda name: None, JOBS)
    ours = ask(workers, "stall")
    pidfd = workers.start()
    assert workers.running.next_deadline() == clock.monotonic() + 30
    asyncio.run(clock.advance(29.9))
    workers.running.kill()
    assert not workers.running.ended(pidfd)
    asyncio.run(clock.advance(0.1))
    workers.running.kill()
    select.select([pidfd], [], [])
    assert workers.running.ended(pidfd)
    assert workers.running.next_deadline() is None
    assert answer(ours) == b""


def _end(workers: Workers) -> None:
    """All have ended, and are reaped: a group is empty only then."""
    while running := list(workers.running):
        select.select(running, [], [])
        for pidfd in running:
            workers.running.ended(pidfd)


@pytest.mark.skipif(os.geteuid() != 0, reason="making groups needs root")
def test_a_worker_is_in_its_group_and_no_larger_than_that_allows(workers: Workers, group: list[str]) -> None:
    asked = [ask(workers, "where"), ask(workers, "grow", b"x")]
    run(workers)
    lines = answer(asked[0]).decode().removeprefix("O").splitlines()
    joined = {line.split(":")[1] for line in lines if line.endswith(f"/{GROUP}")}
    assert joined >= {"memory", "pids"} or "" in joined
    limited = not {"memory.max", "memory.limit_in_bytes"} & set(group)
    assert answer(asked[1]) == (b"" if limited else b"Ox")
    _end(workers)


def test_a_worker_without_a_group_works_all_the_same(workers: Workers) -> None:
    ours = ask(workers, "double", b"x")
    run(workers)
    assert answer(ours) == b"Oxx"


def test_a_crash_is_an_answer_without_a_word(workers: Workers) -> None:
    ours = ask(workers, "crash", b"x")
    run(workers)
    assert answer(ours) == b""


def test_a_worker_has_no_rights(workers: Workers) -> None:
    ours = ask(workers, "show")
    run(workers)
    assert answer(ours) == b"O65534 0 [0, 1, 2]"


@pytest.mark.parametrize("caller", ["apid", "", "spawner"])
def test_others_are_denied(workers: Workers, caller: str) -> None:
    ours, theirs = socket.socketpair()
    workers.ask(caller, f"{HERE}:double", theirs)
    assert answer(ours) == b"D"
    assert not workers.startable()


def test_the_queue_has_an_end(workers: Workers) -> None:
    asked = [ask(workers, "stall") for _ in range(QUEUE)]
    ours, theirs = socket.socketpair()
    workers.ask("machined", f"{HERE}:double", theirs)
    assert answer(ours) == b"D"
    for one in asked:
        one.close()
