"""A node's processes, each with the share of a processor it took between the last two samples."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from core.base.text import printable
from core.cli.dashboard.model.rates import Meter
from core.rpc.pb.machine import machine_pb2 as pb


class Order(StrEnum):
    """What the list begins with the largest of."""

    CPU = "cpu"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class Process:
    """One of them; `cpu` is 1 for a whole processor."""

    pid: int
    state: str
    threads: int
    cpu: float | None
    cpu_time: float
    resident: int
    command: str


@dataclass(slots=True)
class Processes:
    """All of them."""

    found: list[Process] = field(default_factory=list)
    _meters: dict[tuple[int, str], Meter] = field(default_factory=dict)

    def take(self, at: float, message: pb.Process) -> None:
        """What runs now. A number that was given again belongs to another program, mostly."""
        kept: dict[tuple[int, str], Meter] = {}
        self.found = []
        for info in message.processes:
            key = info.pid, info.command
            meter = kept[key] = self._meters.get(key) or Meter()
            said = printable(info.args or info.executable) or f"[{printable(info.command)}]"
            cpu = meter.take(at, info.cpu_time)
            row = Process(info.pid, info.state, info.threads, cpu, info.cpu_time, info.resident_memory, said)
            self.found.append(row)
        self._meters = kept

    def listed(self, order: Order, words: str = "") -> Sequence[Process]:
        """Those with all of these words in their command line or as their number, the largest first."""
        wanted = words.lower().split()
        rows = [row for row in self.found if all(word in f"{row.pid} {row.command.lower()}" for word in wanted)]
        if order is Order.MEMORY:
            return sorted(rows, key=lambda row: (-row.resident, row.pid))
        return sorted(rows, key=lambda row: (-(row.cpu or 0.0), -row.cpu_time, row.pid))
