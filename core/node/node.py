"""A node, assembled: the parts that API handlers and sequences act on. Holds references, decides nothing."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core.base.clock import Clock
from core.linux.capabilities import Capabilities
from core.linux.init import Init
from core.node.build import Build
from core.node.events import Bus
from core.state import Runtime, Store

if TYPE_CHECKING:
    from core.node.controllers.config import Acquire
    from core.node.lifecycle.runner import Runner

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
    config: "Acquire"
    services: Any
    lifecycle: "Runner"
    beside: list[Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=list)

    async def run(self) -> None:
        """Controllers, sockets and sequences, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.runtime.run(), name="controllers")
            for work in self.beside:
                group.create_task(work())
            group.create_task(self._live(), name="life")

    async def _live(self) -> None:
        """initialize, then boot; or what a machined before this one was in the middle of."""
        left = self.lifecycle.interrupted()
        if left is not None:
            self.lifecycle.start(left.sequence, left.actor, phase=left.phase)
            return
        for name in ("initialize", "boot"):
            self.lifecycle.start(name)
            problem = await self.lifecycle.wait()
            if problem:
                _log.error("%s failed: %s", name, problem)
                return
