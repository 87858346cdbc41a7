"""gRPC against its peers: our server beside those of grpc-go, grpcio and grpclib under one client, grpc-go's, and our
client beside theirs at one server, grpc-go's; over mTLS and over unix sockets, in turns, each a process of its own."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.figures import Figure
from benchmarks.rpc.certificates import certificates
from benchmarks.rpc.drive import NAMES, Outcome, clients_against, connection, servers_under
from benchmarks.run import Run

OURS, *PEERS = NAMES
FLIGHT: Final = 32
HELD: Final = 200


class Task(NamedTuple):
    """An order for a client, how many things it does, and what its two times are called (None: of no interest)."""

    order: str
    units: int
    wall: str
    cpu: str


UNARY: Final = Task("unary 400", 400, "unary, p50", "unary")
MANY: Final = Task(f"flight 1600 {FLIGHT}", 1600, f"one of {FLIGHT} in flight", f"one of {FLIGHT} in flight")
LARGE: Final = Task("stream 256 65536", 256, "64 KiB of a stream", "64 KiB of a stream")
SMALL: Final = Task("stream 4000 100", 4000, "100 bytes of a stream", "100 bytes of a stream")
CONNECT: Final = Task("connect 20", 20, "handshake and a call", "handshake and a call")
TASKS: Final = (UNARY, MANY, CONNECT, LARGE, SMALL)


def figures(run: Run) -> Iterator[Figure]:
    """As server over both transports, as client over both, and the memory of a connection."""
    rounds = run.rounds(7, 25)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        certificates(folder)
        for title, tls, tasks in (("mTLS", True, TASKS), ("unix", False, tuple(t for t in TASKS if t is not CONNECT))):
            orders = [(task.order, task.units) for task in tasks]
            yield from _table(f"server, {title}", "server", tasks, servers_under(folder, tls, orders, rounds))
        for title, tls, tasks in (("mTLS", True, TASKS), ("unix", False, (UNARY, MANY))):
            orders = [(task.order, task.units) for task in tasks]
            yield from _table(f"client, {title}", "client", tasks, clients_against(folder, tls, orders, rounds))
        held = {name: [connection(folder, name, HELD) for _ in range(run.rounds(3, 7))] for name in NAMES}
        yield _figure("server, mTLS: an idle connection", "KiB", held)


def _table(title: str, side: str, tasks: Sequence[Task], found: Mapping[str, list[list[Outcome]]]) -> Iterator[Figure]:
    """Two lines a task; `found` has for each name a list of rounds, each with the outcomes in the tasks' order."""
    for number, task in enumerate(tasks):
        budgets = (1.0, 0.7) if task is UNARY and title == "server, mTLS" else (None, None)
        wall = {name: [outcomes[number].wall for outcomes in rounds] for name, rounds in found.items()}
        yield _figure(f"{title}: {task.wall}", "us", wall, budgets[0])
        cpu = {name: [outcomes[number].cpu for outcomes in rounds] for name, rounds in found.items()}
        yield _figure(f"- {side} CPU", "us", cpu, budgets[1])


def _figure(title: str, unit: str, values: Mapping[str, list[float]], ratio: float | None = None) -> Figure:
    first, *others = [(name, values[name]) for name in PEERS]
    return Figure(title, unit, values[OURS], peer=first, ratio_budget=ratio, others=others)
