"""What is asked of a node: the one table of calls and streams, when each is wanted, and where in the model its answers
go. The node that is looked at is asked for its vital signs always, so that their graphs have no holes; others only
while they are listed; what fills a page, while that page is seen."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from core.base.clock import Clock
from core.cli import happenings, lasting
from core.cli.dashboard.model import facts
from core.cli.dashboard.model.devices import volumes
from core.cli.dashboard.model.node import Fleet, Node
from core.cli.dashboard.sources.attention import Attention, Look, Tab
from core.cli.dashboard.sources.reach import Link, paths
from core.cli.dashboard.sources.source import Beat, Stream, Surroundings
from core.cli.target import Nodes
from core.codec import yaml
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.pb.v1alpha1 import state_pb2 as state

SELDOM: Final = 10  # beats between two questions for what hardly changes, or is told of by events
BACKLOG: Final = 50  # events from before
BEGINNING: Final = 200  # lines from before
_ALWAYS: Final = ((facts.STAGE, "runtime"), (facts.HOSTNAME, "network"), (facts.ADDRESSES, "network"))
_NETWORK: Final = ((facts.RESOLVERS, "network"), (facts.TIME, "network"), (facts.ROUTES, "network"))


async def run(nodes: Nodes, fleet: Fleet, attention: Attention, clock: Clock, interval: float) -> None:
    """Keep the model true, for ever."""
    ways, channels = paths(nodes)
    origin = clock.monotonic()
    try:
        async with asyncio.TaskGroup() as group:
            for way in ways:
                link = Link(way, fleet.nodes[way.name], fleet, attention.signal, clock)
                group.create_task(link.run())
                for source in Feed(Surroundings(link, attention, clock, interval, origin)).sources():
                    group.create_task(source.run())
    finally:
        for channel in channels:
            await channel.close()


class Feed:
    """The sources of one node."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._node: Node = around.link.node
        self._services = self._beat(
            "ServiceList", pb.ServiceListResponse, lambda _, m: self._node.services.take(m), self._listed, SELDOM
        )
        self._events = self._new_events()
        self._log = lasting.Logs(pb.LogsRequest())

    def sources(self) -> list[Beat | Stream[Any]]:
        """All of them."""
        return [*self._vital(), *self._pages(), *self._streams()]

    def _vital(self) -> list[Beat]:
        node, listed, seen = self._node, self._listed, self._seen()
        return [
            self._beat("SystemStat", pb.SystemStatResponse, lambda _, m: node.processors.take(m), listed),
            self._beat("Memory", pb.MemoryResponse, lambda _, m: node.memory.take(m.meminfo), listed),
            self._beat("LoadAvg", pb.LoadAvgResponse, lambda _, m: node.load.take(m), seen),
            self._beat("NetworkDeviceStats", pb.NetworkDeviceStatsResponse, node.links.take, seen),
            self._beat("DiskStats", pb.DiskStatsResponse, node.disks.take, seen),
            self._services,
        ]

    def _pages(self) -> list[Beat]:
        node = self._node

        def mounts(_: float, message: pb.Mounts) -> None:
            node.volumes = volumes(message)

        def logs(_: float, message: pb.LogsContainer) -> None:
            node.logs = sorted(message.ids)

        return [
            self._beat("Processes", pb.ProcessesResponse, node.processes.take, self._seen(Tab.PROCESSES)),
            self._beat("Mounts", pb.MountsResponse, mounts, self._seen(Tab.DISKS), SELDOM),
            self._beat("LogsContainers", pb.LogsContainersResponse, logs, self._seen(Tab.LOGS), SELDOM),
        ]

    def _streams(self) -> list[Stream[Any]]:
        pages = [(of, self._listed) for of in _ALWAYS] + [(of, self._seen(Tab.NETWORK)) for of in _NETWORK]
        watches: list[Stream[Any]] = [self._watch(*of, wanted) for of, wanted in pages]
        events = Stream(
            "Events", lambda: self._events.begin(self._way), self._happened, self._around, self._seen(), self._forget
        )
        return [*watches, events, Stream("Logs", self._begin_log, self._said, self._around, self._log_wanted)]

    @property
    def _way(self) -> Any:
        return self._around.link.path

    def _beat(
        self,
        method: str,
        reply: type[Any],
        take: Callable[[float, Any], object],
        wanted: Callable[[Look], bool],
        every: int = 1,
    ) -> Beat:
        return Beat(method, reply, take, self._around, wanted, every)

    def _seen(self, tab: Tab | None = None) -> Callable[[Look], bool]:
        """Is this node looked at, on that page if one is named?"""
        return lambda look: look.node == self._node.name and tab in (None, look.tab)

    def _listed(self, look: Look) -> bool:
        return look.node == self._node.name or look.tab is Tab.OVERVIEW

    def _watch(self, kind: str, namespace: str, wanted: Callable[[Look], bool]) -> Stream[state.WatchResponse]:
        request = state.WatchRequest(namespace=namespace, type=kind, api_version=1)
        request.options.bootstrap_contents = True
        known = self._node.facts

        async def begin() -> AsyncIterator[state.WatchResponse]:
            fresh = False
            async with self._way.stream("cosi.resource.State/Watch", request, state.WatchResponse) as call:
                async for answer in call:
                    if not fresh:
                        known.begin(kind)
                        fresh = True
                    yield answer

        def take(answer: state.WatchResponse) -> None:
            for event in answer.event:
                gone = event.event_type == state.DESTROYED
                text = event.resource.spec.yaml_spec
                if gone or text:
                    known.take(kind, event.resource.metadata.id, None if gone else _tree(text))

        return Stream(kind, begin, take, self._around, wanted)

    @staticmethod
    def _new_events() -> lasting.Events:
        return lasting.Events(pb.EventsRequest(tail_events=BACKLOG))

    def _forget(self) -> None:
        self._events = self._new_events()

    def _happened(self, event: pb.Event) -> None:
        self._node.happenings.take(event)
        if happenings.kind(event) == "ServiceStateEvent":
            self._services.poke()

    def _log_wanted(self, look: Look) -> str:
        return look.log if self._seen(Tab.LOGS)(look) else ""

    def _begin_log(self) -> AsyncIterator[common_pb2.Data]:
        name = self._around.attention.look.log
        if name != self._node.log.name or not self._log.known:
            self._node.log.begin(name)
            request = pb.LogsRequest(namespace="system", id=name, follow=True, tail_lines=BEGINNING)
            self._log = lasting.Logs(request)
        return self._log.begin(self._way)

    def _said(self, data: common_pb2.Data) -> None:
        self._node.log.take(data.bytes)


def _tree(text: str) -> dict[str, Any]:
    """A spec; one that is no mapping holds nothing of which we know."""
    value = yaml.load(text.encode())
    return value if isinstance(value, dict) else {}
