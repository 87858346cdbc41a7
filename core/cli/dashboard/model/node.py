"""All that is known of a node, and of the nodes together. `Fleet.changes` grows with each change, so that a view
which has drawn that number has nothing to draw."""

from dataclasses import dataclass, field
from enum import StrEnum

from core.base.text import printable
from core.cli.dashboard.model.devices import Disks, Links, Volume
from core.cli.dashboard.model.facts import Facts
from core.cli.dashboard.model.load import Load, Memory, Processors
from core.cli.dashboard.model.processes import Processes
from core.cli.dashboard.model.services import Services
from core.cli.dashboard.model.told import Happenings, Log
from core.rpc.pb.machine import machine_pb2 as pb


class Reach(StrEnum):
    """Whether it answers."""

    TRYING = "connecting"
    UP = "up"
    DOWN = "unreachable"


@dataclass(slots=True)
class Node:
    """One node. Numbers of a node that does not answer are the last that it gave."""

    name: str
    reach: Reach = Reach.TRYING
    reason: str = ""  # why it does not answer
    since: float = 0.0  # monotonic: when `reach` became what it is
    heard: float = 0.0  # monotonic: when it last answered anything
    received: int = 0  # bytes of messages
    version: str = ""
    platform: str = ""
    contained: bool = False  # it shares the kernel, and its uptime, with its host
    processors: Processors = field(default_factory=Processors)
    memory: Memory = field(default_factory=Memory)
    load: Load = field(default_factory=Load)
    links: Links = field(default_factory=Links)
    disks: Disks = field(default_factory=Disks)
    volumes: list[Volume] = field(default_factory=list)
    processes: Processes = field(default_factory=Processes)
    services: Services = field(default_factory=Services)
    facts: Facts = field(default_factory=Facts)
    happenings: Happenings = field(default_factory=Happenings)
    logs: list[str] = field(default_factory=list)  # which there are
    log: Log = field(default_factory=Log)  # the one that is followed
    refused: dict[str, str] = field(default_factory=dict)  # what it does not tell us, and why

    @property
    def title(self) -> str:
        """Its hostname, or what the caller called it."""
        return self.facts.hostname or printable(self.name)

    @property
    def status(self) -> str:
        """In a few words."""
        if self.reach is not Reach.UP:
            return str(self.reach)
        stage = self.facts.stage
        return f"{stage}, {'ready' if self.facts.ready else 'not ready'}" if stage else "up"

    def answered(self, version: pb.Version) -> None:
        """Who it is."""
        self.version = printable(version.version.tag)
        self.platform = printable(version.platform.name)
        self.contained = version.platform.mode == "container"

    def turned(self, reach: Reach, at: float, reason: str = "") -> None:
        """It answers, or does not any more."""
        if reach is not self.reach:
            self.reach, self.since = reach, at
        self.reason = printable(reason)

    def late(self, now: float, patience: float) -> float | None:
        """For how many seconds it has said nothing, if that is longer than `patience` and it is thought to answer."""
        silence = now - self.heard
        return silence if self.reach is Reach.UP and silence > patience else None


@dataclass(slots=True)
class Fleet:
    """The nodes, as the caller ordered them."""

    nodes: dict[str, Node]
    changes: int = 0

    @classmethod
    def of(cls, names: tuple[str, ...]) -> "Fleet":
        return cls({name: Node(name) for name in names})

    def touch(self) -> None:
        """Something changed."""
        self.changes += 1
