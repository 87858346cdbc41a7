"""The program as it runs, and upstreams that tests break: real sockets on this machine's loopback, an address each."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support import pid1

ALERT = b"\x15\x03\x01\x00\x02\x02\x46"  # what a TLS server says to a hello it cannot take
# a process that echoes what it is told after its own name, and answers a hello as a TLS server does
_ECHO = """
import socket, sys, threading
server = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=512)
def serve(peer):
    with peer:
        try:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            first = peer.recv(65536)
            if first[:1] == b"\\x16":
                return peer.sendall(bytes.fromhex("15030100020246"))
            peer.sendall(sys.argv[1].encode() + b"\\n" + first)
            while first and (more := peer.recv(65536)):
                peer.sendall(more)
            peer.shutdown(socket.SHUT_WR)
        except OSError:
            pass
print("ready", flush=True)
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
"""


def free_port(address: str = "127.0.0.1") -> int:
    """A port that nobody has at this moment."""
    with socket.create_server((address, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Prism:
    """A running balancer. `control` is the control connection."""

    process: subprocess.Popen[bytes]
    port: int
    path: Path
    control: socket.socket

    def tell(self, *upstreams: tuple[str, int]) -> None:
        self.control.send("".join(f"{address} {port}\n" for address, port in upstreams).encode() or b"\n")

    def hear(self) -> dict[str, tuple[str, int, int]]:
        """The next status: by address its state, latency in microseconds, connections."""
        lines = self.control.recv(65536).decode().splitlines()
        words = [line.split() for line in lines if line]
        return {address: (state, int(latency), int(pairs)) for address, _, state, latency, pairs in words}

    def until(self, holds: Callable[[dict[str, str]], bool]) -> dict[str, str]:
        """The states, once they hold."""
        while True:
            states = {address: state for address, (state, _, _) in self.hear().items()}
            if holds(states):
                return states

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def caller(self) -> socket.socket:
        """One more control connection."""
        made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        made.settimeout(30)
        made.connect(str(self.path))
        return made


@contextlib.contextmanager
def prism(
    folder: Path, program: Path, *, every: int = 60000, answer: int = 10000, patience: int = 10000, dial: int = 20000
) -> Iterator[Prism]:
    """Running as an unprivileged user; must end well."""
    port, path = free_port(), folder / "prism.sock"
    argv = [program, "65534", "127.0.0.1", port, path, every, answer, patience, dial]
    process = subprocess.Popen(list(map(str, argv)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        with contextlib.ExitStack() as stack:
            found = stack.enter_context(_reach(process, path))
            yield Prism(process, port, path, found)
    finally:
        process.kill()
        said = process.communicate()[0]
    assert b"Sanitizer" not in said, said.decode()
    assert b"runtime error" not in said, said.decode()


def _reach(process: subprocess.Popen[bytes], path: Path) -> socket.socket:
    while process.poll() is None:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        made.settimeout(30)
        try:
            made.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            made.close()
            os.sched_yield()
        else:
            return made
    raise AssertionError(f"it ended: {process.stdout.read().decode() if process.stdout else ''}")


@dataclass
class Upstream:
    """A process that listens at `address`."""

    process: subprocess.Popen[str]
    address: str
    port: int

    def freeze(self) -> None:
        """Its kernel goes on taking connections; it says nothing."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def upstream(address: str, port: int) -> Iterator[Upstream]:
    """One that is ready."""
    process = subprocess.Popen([sys.executable, "-c", _ECHO, address, str(port)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield Upstream(process, address, port)
    finally:
        process.kill()
        process.communicate()


def built(sanitize: bool) -> Path:
    """The program; `make build` has made the plain one."""
    return pid1.build("prism", sanitize=True) if sanitize else pid1.CHECKOUT / "_out/programs/prism"


def whole(connection: socket.socket) -> bytes:
    """All that comes until the end."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def in_thread(work: Callable[[], None]) -> threading.Thread:
    """Started; join it."""
    thread = threading.Thread(target=work)
    thread.start()
    return thread
