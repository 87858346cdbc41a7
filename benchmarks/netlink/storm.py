"""A storm of route changes and who listens to it. A listener is stopped while the storm fills its socket and then goes
on, so that it has the whole of it before it and how fast the sender is plays no part."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Final

from benchmarks.netlink.cost import Cost
from core.linux import route
from ext.netlink.socket import Socket
from ext.sys import pidfd_getfd

CHANGES: Final = 10_000
LISTENERS: Final = ("C", "ours", "rows", "ip", "pyroute2")
_ROOM: Final = 128 << 20


def storm(rtnl: Socket, index: int, mtu: int) -> None:
    """So many routes over the link, new or with another MTU: each is one notification."""
    targets = (ip_network((0x0C000000 + (n << 4), 28)) for n in range(CHANGES))
    wanted = [route.Entry(target, index, scope=route.SCOPE_LINK, mtu=mtu) for target in targets]
    for refused in rtnl.requests(map(route.addition, wanted)):
        if refused is not None:
            raise refused


def heard(rtnl: Socket, index: int, mtus: Iterator[int], who: str, program: Path) -> Cost:
    """What all changes cost the listener: CPU by its own account (`ip` with its start), wall from being let go.
    Each storm takes the next MTU."""
    commands = {
        "C": [str(program), "listen", str(route.GROUPS[0]), str(CHANGES)],
        "ip": ["ip", "-4", "monitor", "route"],
    }
    python = [sys.executable, "-m", "benchmarks.netlink.listen", who, str(CHANGES)]
    with subprocess.Popen(commands.get(who, python), stdout=subprocess.PIPE) as process:
        try:
            with _stopped(process.pid):
                storm(rtnl, index, next(mtus))
                if _listener()[1]:
                    raise OSError(f"{who} lost changes")
            began = time.perf_counter()
            assert process.stdout is not None
            said = [process.stdout.readline() for _ in range(CHANGES if who == "ip" else 1)]
            wall = time.perf_counter() - began
            if not said[-1]:
                raise ChildProcessError(f"{who} ended early")
        finally:
            os.kill(process.pid, signal.SIGKILL)  # perhaps it has ended: nobody has waited for it yet
            _, _, usage = os.wait4(process.pid, 0)
            process.returncode = 0
    return Cost(usage.ru_utime + usage.ru_stime if who == "ip" else float(said[0]), wall)


@contextmanager
def _stopped(pid: int) -> Iterator[None]:
    """Wait until the process listens; it is stopped, and its socket large, for the length of the block. It must be
    asleep: `ip` subscribes first, then asks for all links on the same socket and drops what comes meanwhile."""
    while not ((inode := _listener()[0]) and _state(pid) == "S"):
        time.sleep(0.005)
    os.kill(pid, signal.SIGSTOP)
    os.waitpid(pid, os.WUNTRACED)
    with _borrowed(pid, inode) as sock:
        sock.setsockopt(socket.SOL_SOCKET, 33, _ROOM)  # SO_RCVBUFFORCE
    yield
    os.kill(pid, signal.SIGCONT)


def _state(pid: int) -> str:
    """R for one that runs, S for one that waits."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


def _listener() -> tuple[int, int]:
    """The inode of the one socket of this namespace that is in a group, and what it lost; zeros if there is none."""
    for line in Path("/proc/self/net/netlink").read_text().splitlines()[1:]:
        cells = line.split()
        if cells[1] == "0" and int(cells[3], 16):
            return int(cells[9]), int(cells[8])
    return 0, 0


@contextmanager
def _borrowed(pid: int, inode: int) -> Iterator[socket.socket]:
    """A descriptor of another process's socket: not every listener can make its own large enough."""
    links = {int(entry.name): entry.readlink().name for entry in Path(f"/proc/{pid}/fd").iterdir()}
    theirs = next(fd for fd, name in links.items() if re.fullmatch(rf"socket:\[{inode}\]", name))
    process = os.pidfd_open(pid)
    try:
        fd = pidfd_getfd(process, theirs)
    finally:
        os.close(process)
    with socket.socket(fileno=fd) as sock:
        yield sock
