"""The exit journal: every orphan, once, in order, with the right status and cost."""

import os
import signal
import subprocess
from collections.abc import Callable

import pytest

from core.linux.init import Exit, Init
from ext import reap
from ext import sys as kernel
from tests.support.pid1 import Node, until
from tests.support.storm import expected, storm


def inside(node: Node, *command: str) -> None:
    """Run a command in the node's namespaces; what it leaves behind becomes PID 1's."""
    subprocess.run(["nsenter", "-t", str(node.pid), "-p", "-m", "--", *command], check=True, timeout=60)


def exits(init: Init, count: int, since: int) -> list[Exit]:
    until(lambda: init.status().exits >= since + count, 60, f"{count} exits")
    return init.journal(since)


def test_a_storm_of_orphans_is_recorded_whole(running: Node) -> None:
    init = running.init()
    since = init.status().exits
    with storm(running, 1000) as orphans:
        orphans.release()
    got = exits(init, 1000, since)
    assert [exit_.sequence for exit_ in got] == list(range(since + 1, since + 1001))
    assert len({exit_.pid for exit_ in got}) == 1000
    assert all(exit_.status == expected(exit_.pid) for exit_ in got)
    assert {exit_.start_time for exit_ in got} == {0}  # nobody had kept a pidfd of theirs
    assert "Z" not in states(running)


def states(node: Node) -> set[str]:
    found = set()
    for pid in node.processes():
        try:
            found.add(node.path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def test_the_ring_keeps_the_newest_and_shows_the_gap(running: Node) -> None:
    init = running.init()
    with storm(running, 4500) as orphans:
        orphans.release()
    until(lambda: init.status().exits >= 4500, 60, "4500 exits")
    newest = init.status().exits
    got = init.journal()
    assert len(got) == 4096
    assert got[0].sequence == newest - 4095
    assert got[-1].sequence == newest
    assert init.journal(newest) == []
    assert init.journal(newest + 1000) == []


def orphan(node: Node, script: str = "exit 7") -> tuple[int, int]:
    """A shell that runs `script` once the gate opens: its number in the node and on this machine."""
    inside(node, "/bin/sh", "-c", f"{{ read line < /tmp/gate; {script}; }} & echo $! > /tmp/pid")
    pid = int(node.path("/tmp/pid").read_text())
    return pid, node.outside(pid)


@pytest.fixture
def gate(running: Node) -> Callable[[], object]:
    """Opens the gate for the one who waits there."""
    os.mkfifo(running.path("/tmp/gate"), 0o600)
    return lambda: running.path("/tmp/gate").write_text("go\n")


def keep(init: Init, name: str, outer: int) -> int:
    """Let init keep a pidfd of the process; when it started."""
    pidfd = kernel.pidfd_open(outer)
    init.put(name, pidfd)
    os.close(pidfd)
    return reap.start_time(outer)


def test_an_exit_carries_cost_and_identity(running: Node, gate: Callable[[], object]) -> None:
    init = running.init()
    since = init.status().exits
    pid, outer = orphan(running, "i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done; exit 7")
    start = keep(init, "pidfd:test", outer)
    gate()
    (exit_,) = exits(init, 1, since)
    assert (exit_.pid, exit_.start_time) == (pid, start)
    assert os.waitstatus_to_exitcode(exit_.status) == 7
    assert exit_.user > 0.02
    assert exit_.max_rss > 500_000


def test_a_start_time_is_never_that_of_another_process_of_the_same_number(
    running: Node, gate: Callable[[], object]
) -> None:
    init = running.init()
    since = init.status().exits
    pid, outer = orphan(running)
    start = keep(init, "pidfd:test", outer)
    gate()
    exits(init, 1, since)
    for _ in range(50):  # whoever forks in between takes the number, and the next attempt sets it anew
        inside(running, "/bin/sh", "-c", f"echo {pid - 2} > /proc/sys/kernel/ns_last_pid")
        again, other = orphan(running)
        if again == pid:
            break
        os.kill(other, signal.SIGKILL)
    assert again == pid
    gate()
    until(lambda: init.journal(since)[-1].pid == pid and len(init.journal(since)) >= 2, 30, "the second to end")
    got = [exit_.start_time for exit_ in init.journal(since) if exit_.pid == pid]
    assert got == [start, 0]


def test_a_dropped_or_replaced_pidfd_names_nobody(running: Node, gate: Callable[[], object]) -> None:
    init = running.init()
    since = init.status().exits
    _, outer = orphan(running)
    keep(init, "pidfd:test", outer)
    keep(init, "pidfd:other", outer)
    init.drop("pidfd:other")
    read, write = os.pipe()
    init.put("pidfd:test", read)
    os.close(read)
    os.close(write)
    gate()
    (exit_,) = exits(init, 1, since)
    assert exit_.start_time == 0
