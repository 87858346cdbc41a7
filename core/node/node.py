"""A node, assembled: the parts that API handlers and sequences act on. Holds references, decides nothing but the order
in which the parts come to life."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

from core.base.clock import Clock
from core.cluster.discovery.table import Table
from core.cluster.etcd.recover import Run
from core.linux.capabilities import Capabilities
from core.linux.init import Init
from core.linux.uevents import Uevents
from core.node.build import Build
from core.node.controllers.block import MetaKeys, Wiper
from core.node.controllers.config import Acquire
from core.node.etcd.place import Place
from core.node.events import Bus
from core.node.lifecycle.runner import Runner
from core.node.lifecycle.sequence import CLOSED
from core.node.resources.block import VolumeLifecycle
from core.node.resources.k8s import KubeletLifecycle
from core.node.services.daemons import Daemons, News
from core.node.services.kernel import KernelLog
from core.node.services.logs import Logs
from core.node.services.states import State
from core.node.services.supervisor import Supervisor
from core.node.work import Work
from core.state import Resource, Runtime, Store

_log = logging.getLogger("node")


@dataclass(frozen=True, slots=True)
class Platform:
    """Where the node runs: `name` as the command line says, `mode` as clients know it (container, metal, cloud)."""

    name: str
    mode: str


@dataclass(slots=True, kw_only=True)
class Node:
    """Everything that a handler or a task may need."""

    init: Init
    clock: Clock
    build: Build
    platform: Platform
    capabilities: Capabilities
    store: Store
    runtime: Runtime
    events: Bus
    logs: Logs
    kernel_log: KernelLog | None
    config: Acquire
    services: Supervisor
    daemons: Daemons
    lifecycle: Runner
    devices: Uevents
    work: Work
    meta: MetaKeys
    wiper: Wiper
    etcd: Place
    etcd_tool: Run  # runs a program of etcd's image
    affiliates: Table
    lifetime: int  # seconds that the certificates made here for nodes are good

    async def run(self, news: AsyncIterator[News]) -> None:
        """Controllers, services and sequences, until cancelled. `news` tells of our own daemons."""
        async with AsyncExitStack() as stack:
            if self.capabilities.uevents:
                stack.enter_context(self.devices)
            async with asyncio.TaskGroup() as group:
                group.create_task(self.runtime.run(), name="controllers")
                if not self.lifecycle.behind(CLOSED):  # volumes that were closed stay closed: they may be half wiped
                    self.store.create(Resource.of("volumes", VolumeLifecycle()))
                self.store.create(Resource.of("kubelet", KubeletLifecycle()))
                await stack.enter_async_context(self.services)  # left behind the group, for its tasks use them
                group.create_task(self.daemons.follow(news, self.services), name="daemons")
                group.create_task(self._live(), name="life")

    def begin(self, id_: str) -> None:
        """Start a service that was not started since the node booted, unless the node is going down."""
        current = self.lifecycle.current
        ending = current is not None and self.lifecycle.sequences[current.sequence].final
        if self.services.unit(id_).state is State.INITIALIZED and not ending:
            self.services.start(id_)

    async def _live(self) -> None:
        """What a machined before this one was in the middle of; then, unless that ends the machine, initialize and
        boot."""
        if not await self.lifecycle.finish():
            return
        for name in ("initialize", "boot"):
            self.lifecycle.start(name)
            problem = await self.lifecycle.wait()
            if problem:
                _log.error("%s failed: %s", name, problem)
                return
