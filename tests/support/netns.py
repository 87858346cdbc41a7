"""Private network namespaces for tests: each is held by a process that dies with the test run, so nothing stays behind.
The test itself never moves into one; it opens sockets there."""

import asyncio
import json
import os
import socket
import subprocess
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from ext.netlink.socket import socket_in
from ext.sys import CLONE_NEWNET, setns


class Namespace:
    """A network namespace: `fd` for drivers, `ip`/`run` for the tools that act as oracles."""

    def __init__(self, pid: int, fd: int) -> None:
        self.pid, self.fd = pid, fd

    def command(self, *argv: str) -> list[str]:
        """`argv` as run inside."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", *argv]

    def run(self, *argv: str, text: str | None = None) -> str:
        """Run it inside; its standard output. Raises CalledProcessError."""
        done = subprocess.run(self.command(*argv), input=text, stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout

    def ip(self, *argv: str) -> None:
        """An ip(8) command."""
        self.run("ip", *argv)

    def ask(self, *argv: str) -> list[dict[str, Any]]:
        """What `ip -json -details` answers."""
        found: list[dict[str, Any]] = json.loads(self.run("ip", "-json", "-details", *argv) or "[]")
        return found

    def batch(self, *lines: str) -> None:
        """Many ip(8) commands at once."""
        self.run("ip", "-batch", "-", text="\n".join(lines) + "\n")

    def udp(self, host: str, port: int) -> socket.socket:
        """A UDP socket inside, bound."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        made = socket.socket(fileno=socket_in(self.fd, family, socket.SOCK_DGRAM))
        made.bind((host, port))
        return made


@contextmanager
def namespace() -> Iterator[Namespace]:
    """A new namespace with its loopback up, gone when the block ends."""
    script = "ip link set lo up && echo ready && exec sleep infinity"
    holder = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sh", "-c", script], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        fd = os.open(f"/proc/{holder.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield Namespace(holder.pid, fd)
        finally:
            os.close(fd)
    finally:
        holder.kill()
        holder.communicate()


@contextmanager
def cable() -> Iterator[tuple[Namespace, Namespace]]:
    """Two namespaces with a veth between them: `eth0` here, `far0` there, both down and without addresses."""
    with namespace() as near, namespace() as far:
        near.ip("link", "add", "eth0", "type", "veth", "peer", "name", "far0", "netns", str(far.pid))
        yield near, far


def on_loop_in(space: Namespace, main: Callable[[], Coroutine[Any, Any, None]], seconds: float = 60) -> None:
    """Run `main` on a loop in a thread of its own that is in the namespace, for at most so long: for code under test
    that opens its sockets itself."""

    async def bounded() -> None:
        async with asyncio.timeout(seconds):
            await main()

    def run() -> None:
        setns(space.fd, CLONE_NEWNET)
        asyncio.run(bounded())

    with ThreadPoolExecutor(1) as pool:
        pool.submit(run).result()
