"""The exit journal: every orphan, once, in order, with the right status and cost."""

import os
import signal
import subprocess

from core.linux.init import Exit, Init
from tests.support.pid1 import Node, until

# leaves `count` children to PID 1, all ending at once: number n with status n % 200, every tenth by a signal
STORM = """
import os, signal
read, write = os.pipe()
for n in range({count}):
    if os.fork() == 0:
        os.close(write)
        os.read(read, 1)
        if n % 10 == 9:
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(n % 200)
os._exit(0)
"""


def inside(node: Node, *command: str) -> None:
    """Run a command in the node's namespaces; what it leaves behind becomes PID 1's."""
    subprocess.run(["nsenter", "-t", str(node.pid), "-p", "-m", "--", *command], check=True, timeout=60)


def storm(node: Node, count: int) -> None:
    """End `count` orphans at once."""
    inside(node, "/usr/bin/python3", "-ISc", STORM.format(count=count))


def exits(init: Init, count: int, since: int) -> list[Exit]:
    until(lambda: init.status().exits >= since + count, 60, f"{count} exits")
    return init.journal(since)


def test_a_storm_of_orphans_is_recorded_whole(running: Node) -> None:
    init = running.init()
    since = init.status().exits
    storm(running, 1000)
    got = exits(init, 1000, since)
    assert [exit_.sequence for exit_ in got] == list(range(since + 1, since + 1 + len(got)))
    by_pid = {exit_.pid: exit_ for exit_ in got}
    assert len(by_pid) == len(got) == 1000
    killed = [exit_ for exit_ in got if os.WIFSIGNALED(exit_.status)]
    assert {os.WTERMSIG(exit_.status) for exit_ in killed} == {signal.SIGKILL}
    codes = sorted(os.WEXITSTATUS(exit_.status) for exit_ in got if os.WIFEXITED(exit_.status))
    assert len(killed) == 100
    assert codes == sorted(n % 200 for n in range(1000) if n % 10 != 9)
    assert all(exit_.start_time > 0 for exit_ in got)
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
    storm(running, 4500)
    until(lambda: init.status().exits >= 4500, 60, "4500 exits")
    newest = init.status().exits
    got = init.journal()
    assert len(got) == 4096
    assert got[0].sequence == newest - 4095
    assert got[-1].sequence == newest
    assert init.journal(newest) == []
    assert init.journal(newest + 1000) == []


def test_an_exit_carries_cost_and_identity(running: Node) -> None:
    init = running.init()
    since = init.status().exits
    burn = "i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done"
    inside(
        running,
        "/bin/sh",
        "-c",
        f"sh -c '{burn}; exit 7' & echo $! > /tmp/pid; cut -d' ' -f22 /proc/$!/stat > /tmp/start",
    )
    (exit_,) = exits(init, 1, since)
    assert exit_.pid == int(running.path("/tmp/pid").read_text())
    assert exit_.start_time == int(running.path("/tmp/start").read_text())
    assert os.waitstatus_to_exitcode(exit_.status) == 7
    assert exit_.user > 0.02
    assert exit_.max_rss > 500_000
