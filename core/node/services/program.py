"""A program of the image as the process of a service: spawned by machined into its group, told apart from what another
machined or its own past left there."""

import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path

from core.linux.process import Process, Spec, adopt, spawn
from core.node.services.service import Service
from core.node.services.surroundings import Surroundings


class Program:
    """The means of a service with an `argv`."""

    def __init__(self, service: Service, around: Surroundings) -> None:
        self._service, self._around = service, around
        self._argv: Sequence[str] = service.argv
        self.what = f"Process {service.argv[0]}"

    async def ready(self) -> None:
        """Do what comes before each start."""
        more = await self._service.prepare() if self._service.prepare is not None else None
        self._argv = (*self._service.argv, *(more or ()))

    async def start(self) -> Process:
        """Start it, in its group and with its log."""
        service, around = self._service, self._around
        # joined before exec, not by CLONE_INTO_CGROUP: since 6.14 that kills every child born into a group which was
        # once written cgroup.kill, because the kernel compares the parent's group's count of kills with the child's
        procs = [folder / "cgroup.procs" for folder in around.tree.folders(service.cgroup)]
        sink = around.logs.sink(service.id)
        try:
            return spawn(
                Spec(
                    self._argv,
                    service.env,
                    stdout=sink,
                    stderr=sink,
                    procs=procs,
                    uid=service.uid,
                    gid=service.gid,
                    capabilities=service.capabilities,
                    limits=service.limits,
                    oom_score=service.oom_score,
                )
            )
        finally:
            os.close(sink)

    async def clear(self) -> None:
        """Kill what is left in the group: strays of one that is gone, or one whose start nobody lived to record."""
        tree, group = self._around.tree, self._service.cgroup
        if self._service.leaves_children:
            for pid in tree.pids(group):
                if _program(pid) == os.path.realpath(self._service.argv[0]):
                    os.kill(pid, signal.SIGKILL)
        else:
            tree.kill(group)
            async with asyncio.timeout(self._service.grace):
                await tree.emptied(group)

    def adopt(self, pid: int, pidfd: int, start_time: int) -> Process:
        """Take over one that lives; it owns the pidfd from now on."""
        return adopt(pid, pidfd, start_time, self._around.init)


def _program(pid: int) -> str | None:
    try:
        return str(Path(f"/proc/{pid}/exe").readlink())
    except FileNotFoundError:
        return None
