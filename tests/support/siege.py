"""A node under kill -9 while its log, its events and a container of its are followed from outside. `strike` kills one
process and looks at all that must have lived on; `end` looks at what was followed: each line and each event once."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from google.protobuf.empty_pb2 import Empty

from core.rpc.client import Channel
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.status import RpcError
from ext import reap
from tests.support import workload
from tests.support.cluster import Node, is_zombie
from tests.support.pid1 import until

VICTIMS: Final = {
    "machined": "ichor-machined",
    "apid": "ichor-apid",
    "trustd": "ichor-trustd",
    "spawner": "ichor-spawner",
    "containerd": "containerd",
}
WATCHED: Final = frozenset((*VICTIMS, "cri"))  # others depend on what the node is for
FORGIVEN: Final = 31.0  # a daemon up for so long is started at once when it dies
TICK: Final = 0.02


@dataclass
class Siege:
    """What is watched. `answered`: seconds from a kill to the API's first answer on a new connection; `whole`: to all
    services being well, the victim's successor among them."""

    node: Node
    work: workload.Workload
    logs: Path
    events: Path
    ticker: "Ticker"
    answered: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    whole: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _struck: dict[str, float] = field(default_factory=dict)
    _lives: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lives = {pid: reap.start_time(pid) for pid in (self.work.pid, self.work.shim)}

    def strike(self, victim: str) -> None:
        """Kill it; everything that must hold, holds again."""
        old = self.node.pid(VICTIMS[victim])
        assert old, f"no {victim} to kill"
        handle = os.pidfd_open(old)
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        began = self._struck[victim] = time.monotonic()
        select.select([handle], [], [])
        os.close(handle)
        self.node.await_answer()
        self.answered[victim].append(time.monotonic() - began)
        until(lambda: self.node.pid(VICTIMS[victim]) not in (0, old), 30, f"another {victim}")
        until(lambda: _well(self.node), 30, "all services to be well")
        self.whole[victim].append(time.monotonic() - began)
        self._holds(victim)

    def rested(self, victim: str) -> None:
        """Wait until the victim's last end is forgiven, as the spawner and init do."""
        time.sleep(max(0.0, self._struck.get(victim, 0.0) + FORGIVEN - time.monotonic()))

    def _holds(self, victim: str) -> None:
        assert {pid: reap.start_time(pid) for pid in self._lives} == self._lives, "the container or its shim is another"
        assert hear(self.node) == f"hello {self.node.cluster.gateway}\n"
        until(lambda: not [pid for pid in self.node.processes() if is_zombie(pid)], what="the dead to be reaped")
        until(lambda: self.ends()[victim] == len(self.answered[victim]), what=f"the end of {victim} among the events")

    def ends(self) -> Counter[str]:
        """How often each service was told to have been killed."""
        happened = [event["data"] for event in self.seen() if event["event"] == "ServiceStateEvent"]
        return Counter(data["service"] for data in happened if "killed by SIGKILL" in data["message"])

    def seen(self) -> list[dict[str, Any]]:
        """The events that were followed, whole lines of them."""
        whole, _, _ = self.events.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def end(self) -> None:
        """Nothing is missing from what was followed and nothing came twice."""
        last = self.ticker.stop()
        until(lambda: f"tick {last}\n" in self.logs.read_text(), what="the last line")
        ticks = [int(number) for number in re.findall(r"^tick (\d+)$", self.logs.read_text(), re.MULTILINE)]
        assert ticks == list(range(last + 1))
        said = self.node.ichorctl("events", "--tail", "-1", "--for", "2", "-o", "json").out
        ids = [json.loads(line)["id"] for line in said.splitlines()]
        until(lambda: len(self.seen()) >= len(ids), what="the last event")
        assert [event["id"] for event in self.seen()][: len(ids)] == ids
        assert ids == sorted(set(ids))

    def results(self) -> dict[str, str]:
        """Recovery by victim, in words."""
        return {
            victim: f"answers after {_spread(self.answered[victim])}, whole after {_spread(self.whole[victim])}"
            f" ({len(self.answered[victim])} kills)"
            for victim in self.answered
        }


class Ticker:
    """Numbered lines into the pipe of a service's output, as it would write them: also while machined is away."""

    def __init__(self, pid: int) -> None:
        self._pipe = open(f"/proc/{pid}/fd/1", "wb", buffering=0)  # noqa: SIM115 - closed by stop
        self._stopping = threading.Event()
        self._last = -1
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping.wait(TICK):
            self._last += 1
            self._pipe.write(b"tick %d\n" % self._last)

    def stop(self) -> int:
        """The last number written. May be called again."""
        self._stopping.set()
        self._thread.join()
        self._pipe.close()
        return self._last


@contextmanager
def siege(node: Node, folder: Path) -> Iterator[Siege]:
    """A container in the node and everything watched, as long as the block lasts."""
    with ExitStack() as stack:
        work = workload.start(node, folder)
        node.await_ready()  # the container's network gave the node another address, and a new certificate
        logs = stack.enter_context(_followed(node, folder / "logs", "logs", "-f", "containerd"))
        events = stack.enter_context(_followed(node, folder / "events", "events", "--tail", "-1", "-o", "json"))
        until(lambda: logs.stat().st_size and events.stat().st_size, what="both streams to begin")
        ticker = Ticker(node.pid("containerd"))
        stack.callback(ticker.stop)
        yield Siege(node, work, logs, events, ticker)


def hear(node: Node) -> str:
    """What the container says on the node's port."""
    with socket.create_connection((node.address, workload.HOST_PORT), timeout=10) as caller:
        return caller.makefile().read()


@contextmanager
def _followed(node: Node, path: Path, *verb: str) -> Iterator[Path]:
    """The file into which a verb prints; what it said besides is shown at the end."""
    command = node.home.command(*verb, "--endpoints", node.address, "--nodes", node.address)
    with path.open("wb") as out, path.with_suffix(".said").open("w+b") as said:
        process = subprocess.Popen(command, cwd=node.home.folder, env=node.home.environment, stdout=out, stderr=said)
        try:
            yield path
            assert process.poll() is None, f"{verb} ended by itself"
        finally:
            process.kill()
            process.wait()
            said.seek(0)
            print(f"--- {verb[0]} said besides\n{said.read().decode()}")


def _well(node: Node) -> bool:
    async def ask(channel: Channel) -> bool:
        try:
            path = "/machine.MachineService/ServiceList"
            answer = await channel.unary(path, Empty(), pb.ServiceListResponse, timeout=5)
        except RpcError:
            return False
        services = [service for service in answer.messages[0].services if service.id in WATCHED]
        assert len(services) == len(WATCHED), "a service is missing"
        return all(service.state == "Running" and service.health.healthy for service in services)

    return node.call(ask)


def _spread(seconds: list[float]) -> str:
    return f"{median(seconds):.2f} s, at worst {max(seconds):.2f} s"
