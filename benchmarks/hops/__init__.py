"""What callers wait for and nodes pay: Version, ServiceList, Get and a log of 64 KiB, asked of a node's door (apid,
machined) and through it of another node's (apid, apid, machined). Beside it grpc-go doing the same hops at the same
addresses with the same messages, under the same client, grpc-go's. CPU is of all processes of both nodes' API."""

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.figures import Figure
from benchmarks.hops.doors import PORT, doors
from benchmarks.hops.nodes import fill
from benchmarks.node import BenchNode, nodes
from benchmarks.rpc.certificates import files
from benchmarks.rpc.drive import GO, Program, cpu, in_turns, running
from benchmarks.run import Run
from core.config import client
from tests.support import golang

OURS: Final = "ours"
API: Final = ("ichor-machined", "ichor-apid")


class Task(NamedTuple):
    """A question as the client knows it, how often it is asked in a row, and its title."""

    question: str
    times: int
    title: str


TASKS: Final = (
    Task("version", 400, "Version"),
    Task("services", 400, "ServiceList"),
    Task("get", 400, "Get"),
    Task("log", 150, "64 KiB of log"),
)


class Servers:
    """Processes whose CPU counts together."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids

    def cpu(self) -> float:
        """Seconds so far."""
        return sum(map(cpu, self._pids))


def figures(run: Run) -> Iterator[Figure]:
    """Two lines for each question and way."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder, peer = Path(name), Path(name) / "peer"
        peer.mkdir()
        both = stack.enter_context(nodes(run.image, run.say, "bench-hops", workers=1))
        for node in both:
            asyncio.run(fill(node))
        backs = stack.enter_context(doors(peer, both))
        save(both[0], folder)
        ours = Servers([pid for node in both for name, pid in node.ours().items() if name in API])
        pairs = {
            OURS: (stack.enter_context(asking(both[0].address, folder)), ours),
            GO: (stack.enter_context(asking(f"{both[0].host}:{PORT}", peer)), Servers([p.pid for p in backs])),
        }
        ways = {"direct": "", "forwarded": f" {both[1].host}"}
        asked = [(task, way) for way in ways for task in TASKS]
        orders = [(f"{task.question} {task.times}{ways[way]}", task.times) for task, way in asked]
        found = in_turns(pairs, orders, run.rounds(11, 25), [order for order, _ in orders])
    for number, (task, way) in enumerate(asked):
        for title, part in ((f"{task.title}, {way}: p50", 0), ("- server CPU", 1)):
            values = {name: [outcomes[number][part] for outcomes in rounds] for name, rounds in found.items()}
            yield Figure(title, "us", values[OURS], peer=(GO, values[GO]), ratio_budget=1.0)


def save(node: BenchNode, folder: Path) -> None:
    """The administrator's authority, certificate and key as files of the client."""
    context = client.load(node.talosconfig.read_bytes()).get()
    for path, pem in zip(files(folder, "client"), (context.ca, context.crt, context.key), strict=True):
        Path(path).write_bytes(pem)


def asking(address: str, folder: Path) -> AbstractContextManager[Program]:
    """grpc-go's client at a door."""
    return running([str(golang.binary("rpc")), "ask", address, *files(folder, "client")])
