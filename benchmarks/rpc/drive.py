"""Servers and clients as processes, asked in turns. A program is called `serve|load ADDRESS [CA CERTIFICATE KEY]`: a
server prints its address as JSON; a client does what each line of its input orders and prints times in microseconds:

    unary COUNT, flight COUNT AT_ONCE, connect COUNT, stream COUNT SIZE, and grpc-go hold COUNT
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from benchmarks.rpc.certificates import files
from tests.support import golang

GO: Final = "grpc-go"
NAMES: Final = ("ours", GO, "grpcio", "grpclib")
WARM: Final = ("unary 300", "flight 640 32", "stream 64 65536")

Order = tuple[str, int]
"""An order and how many things it does."""


class Outcome(NamedTuple):
    """Microseconds for one thing: as its client sees it, and CPU (user and system) of the process under test."""

    wall: float
    cpu: float


class Program:
    """A running program that answers lines with lines of JSON."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.pid = process.pid

    def read(self) -> Any:
        """What it says next. Raises ChildProcessError when it has ended."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise ChildProcessError(f"{self._process.args!r} ended with status {self._process.wait()}")
        return json.loads(line)

    def ask(self, order: str) -> Any:
        """Its answer to an order."""
        assert self._process.stdin is not None
        self._process.stdin.write(order + "\n")
        self._process.stdin.flush()
        return self.read()

    def cpu(self) -> float:
        """Seconds of CPU so far."""
        return cpu(self.pid)

    def memory(self) -> int:
        """Bytes of RAM, shared ones by their share."""
        lines = Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024


class Measured(Protocol):
    """What is under test: a process, or several."""

    def cpu(self) -> float:
        """Seconds of CPU so far."""


def cpu(pid: int) -> float:
    """Seconds of CPU of a process so far, of all its threads (see clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | 2)


@contextmanager
def running(command: Sequence[str]) -> Iterator[Program]:
    """A program, killed at the end."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield Program(process)
        finally:
            process.kill()


def program(name: str, what: str, address: str, trust: list[str]) -> AbstractContextManager[Program]:
    """The program of a peer."""
    own = [str(golang.binary("rpc"))] if name == GO else [sys.executable, "-m", "benchmarks.rpc.peer", name]
    return running([*own, what, address, *trust])


@contextmanager
def server(folder: Path, name: str, tls: bool) -> Iterator[tuple[Program, str]]:
    """A peer's server, and where it is."""
    address = "127.0.0.1:0" if tls else f"unix:{folder / name}"
    (folder / name).unlink(missing_ok=True)
    with program(name, "serve", address, files(folder, "server") if tls else []) as running:
        yield running, running.read()


@contextmanager
def client(folder: Path, name: str, address: str) -> Iterator[Program]:
    """A peer's client of a server."""
    with program(name, "load", address, [] if address.startswith("unix:") else files(folder, "client")) as running:
        yield running


def servers_under(
    folder: Path, tls: bool, orders: Sequence[Order], rounds: int, warm: Sequence[str] = WARM
) -> dict[str, list[list[Outcome]]]:
    """All servers under grpc-go's client."""
    with ExitStack() as stack:
        pairs = {}
        for name in NAMES:
            running, address = stack.enter_context(server(folder, name, tls))
            pairs[name] = (stack.enter_context(client(folder, GO, address)), running)
        return in_turns(pairs, orders, rounds, warm)


def clients_against(
    folder: Path, tls: bool, orders: Sequence[Order], rounds: int, warm: Sequence[str] = WARM
) -> dict[str, list[list[Outcome]]]:
    """All clients at grpc-go's server."""
    with ExitStack() as stack:
        _, address = stack.enter_context(server(folder, GO, tls))
        running = {name: stack.enter_context(client(folder, name, address)) for name in NAMES}
        return in_turns({name: (one, one) for name, one in running.items()}, orders, rounds, warm)


def connection(folder: Path, name: str, count: int) -> float:
    """KiB that a new server grows by for each of many connections that had a call and are idle."""
    with server(folder, name, True) as (running, address), client(folder, GO, address) as load:
        for order in WARM:
            load.ask(order)
        load.ask("connect 20")
        before = running.memory()
        load.ask(f"hold {count}")
        return (running.memory() - before) / count / 1024


def in_turns(
    pairs: Mapping[str, tuple[Program, Measured]], orders: Sequence[Order], rounds: int, warm: Sequence[str]
) -> dict[str, list[list[Outcome]]]:
    """Of each (who is asked, who is measured): the rounds, each the outcomes of the orders. Who begins changes."""
    for asked, _ in pairs.values():
        for order in warm:
            asked.ask(order)
    found: dict[str, list[list[Outcome]]] = {name: [[] for _ in range(rounds)] for name in pairs}
    names = list(pairs)
    for number in range(rounds):
        for order, count in orders:
            names.append(names.pop(0))
            for name in names:
                found[name][number].append(_outcome(*pairs[name], order, count))
    return found


def _outcome(asked: Program, measured: Measured, order: str, count: int) -> Outcome:
    before = measured.cpu()
    answer = asked.ask(order)
    return Outcome(answer["p50"] or answer["each"], (measured.cpu() - before) / count * 1e6)
