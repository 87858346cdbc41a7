"""A container in namespace `system` as the process of a service: its image fetched if need be, its output into the log,
its first process watched by pidfd like any other. It outlives machined and containerd; how it ends, that one knows."""

import asyncio
import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import Final

from core.base.clock import Clock
from core.base.errors import NotFound
from core.codec.reference import Reference
from core.linux import rights
from core.linux.init import Exit
from core.linux.process import Process, settable
from core.node.containers import images, spec
from core.node.containers.client import NAMESPACES
from core.node.containers.container import Container, Output
from core.node.containers.layout import Image
from core.node.containers.pull import Pulls
from core.node.services.service import Plan, Service
from core.node.services.surroundings import Surroundings
from core.rpc.status import Code, RpcError
from ext import reap
from ext import sys as kernel

SYSTEM: Final = NAMESPACES[0]
OUTPUT: Final = Path("/run/ichor/output")  # the named pipes, one for each container
SHIMS: Final = "podruntime/shim"
_log = logging.getLogger("contained")


class Contained:
    """The means of a service with a `plan`."""

    what = "Container"

    def __init__(self, service: Service, around: Surroundings) -> None:
        self._service, self._around = service, around
        self._containerd = replace(around.containerd, namespace=SYSTEM)
        self._container = Container(self._containerd, service.id, around.tree.path(SHIMS))
        self._ready: tuple[Image, Plan] | None = None

    async def ready(self) -> None:
        """Have a plan, and the image that it names: what is on the node is taken without asking the registry."""
        assert self._service.plan is not None
        if self._service.image is not None:
            await self._image(self._service.image())
        plan = await self._service.plan()
        self._ready = await self._image(plan.image), plan

    async def clear(self) -> None:
        """Remove the container of an earlier start, with all that runs in its group. While containerd is away its
        record stays, for the next start to remove."""
        self._around.tree.kill(self._service.cgroup)
        try:
            await self._container.end()
        except RpcError as error:
            if error.code is not Code.UNAVAILABLE:
                raise
            _log.warning("container %s is left over: %s", self._service.id, error)
        async with asyncio.timeout(self._service.grace):
            await self._around.tree.emptied(self._service.cgroup)

    async def start(self) -> Process:
        """Make it and let it run. Its process is known before it does anything."""
        assert self._ready is not None
        image, plan = self._ready
        held = rights.held()
        choices, unapplied = self._choices(plan)
        pipe = str(self._around.logs.fifo(self._service.id, OUTPUT / self._service.id))
        await self._container.create(image, spec.build(choices, held))
        pid = await self._container.prepare(Output(pipe, pipe))
        pidfd = kernel.pidfd_open(pid)
        try:
            begun = reap.start_time(pid)
            await self._container.start()
        except BaseException:
            os.close(pidfd)
            raise
        return Task(pid, pidfd, begun, self._container, unapplied)

    def adopt(self, pid: int, pidfd: int, start_time: int) -> Process:
        """Take over one that lives; it owns the pidfd from now on."""
        return Task(pid, pidfd, start_time, self._container)

    async def _image(self, said: str) -> Image:
        name = str(Reference.parse(said))
        try:
            return await images.find(self._containerd, name)
        except NotFound:
            await Pulls(self._containerd).pull(SYSTEM, name)
            return await images.find(self._containerd, name)

    def _choices(self, plan: Plan) -> tuple[spec.Choices, tuple[str, ...]]:
        """With a group of its own below the service's: the runtime takes it away with the container. And what of it
        this node may not set."""
        service = self._service
        limits, oom_score, unapplied = settable(service.limits, service.oom_score or None)
        choices = replace(
            plan.choices,
            uid=service.uid,
            gid=service.gid,
            limits=limits,
            oom_score=oom_score,
            cgroup=f"{self._around.tree.path(service.cgroup)}/{service.id}",
        )
        return choices, unapplied


class Task(Process):
    """The first process of a container. Its shim reaps it, so that its exit is containerd's to tell."""

    def __init__(
        self, pid: int, pidfd: int, start_time: int, container: Container, unapplied: tuple[str, ...] = ()
    ) -> None:
        super().__init__(pid, pidfd, start_time, unapplied=unapplied)
        self._container = container

    async def _recorded(self, clock: Clock) -> Exit:
        try:
            code = await self._container.wait()
        except RpcError as error:
            raise NotFound(f"container {self._container.id} ended, but nobody says how: {error}") from None
        status = code - 128 if code > 128 else code << 8  # containerd says 128 and the signal's number
        return Exit(0, self.pid, self.start_time, status, 0.0, 0.0, 0, clock.now())
