"""Runs one service: waits for what it needs, starts its process or takes over a living one, judges it, starts it anew.
A cancelled runner leaves the process alone, for the next machined; `stop` ends it and all that is left of it."""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

from core.base.clock import Clock, to_next_beat
from core.base.errors import IchorError, NotFound
from core.linux.cgroup import Tree
from core.linux.init import Exit, Init
from core.linux.process import Process, Spec, adopt, spawn
from core.node.services.logs import Logs
from core.node.services.service import Condition, Health, Restart, Service
from core.node.services.states import Step
from core.node.services.unit import Unit
from core.state import Store

PROBE: Final = 0.1  # seconds between checks of a service that is coming up


@dataclass(slots=True)
class Surroundings:
    """What all runners share."""

    init: Init
    tree: Tree
    logs: Logs
    store: Store
    clock: Clock
    units: Mapping[str, Unit]
    unapplied: Callable[[str, tuple[str, ...]], None] = field(default=lambda id_, names: None)


class Runner:
    """The process of one unit."""

    def __init__(self, unit: Unit, around: Surroundings) -> None:
        self.unit, self._around = unit, around
        self.process: Process | None = self._left_alive()
        self._renewing = False

    @property
    def _service(self) -> Service:
        return self.unit.service

    async def run(self) -> None:
        """Keep it running until it may rest. Only what the kernel or the service can do wrong is retried."""
        self._renewing = False
        if self.process is not None:
            self.unit.step(Step.SPAWNED, f"Process still running, PID {self.process.pid}")
        while True:
            try:
                if self.process is None:
                    await self._begin()
                exit_ = await self._live()
            except (OSError, IchorError, TimeoutError) as error:
                ended, well = f"Failed: {error or 'no answer in time'}", False
                self._gone()
            else:
                ended, well = _verdict(exit_), exit_.status == 0
            if self._rests(well, ended):
                return
            await self._again(ended)

    async def renew(self) -> None:
        """End the process; `run` starts the next at once."""
        if self.process is not None:
            self._renewing = True
            await self._end(self.process)

    async def _again(self, ended: str) -> None:
        if self._renewing:
            self._renewing = False
            self.unit.step(Step.LOST, f"{ended}; starting anew")
            return
        self.unit.record.restarts += 1
        self.unit.step(Step.LOST, f"{ended}; trying again in {self._service.delay:g}s")
        await self._around.clock.sleep(self._service.delay)

    async def stop(self) -> None:
        """End the process, gently for `grace` seconds; then whatever is left in its group. `run` must have ended."""
        self.unit.step(Step.STOP, "Stopping")
        if self.process is not None:
            await self._end(self.process)
            self._gone()
        await self._clear()
        self.unit.step(Step.STOPPED, "Service finished")

    async def _begin(self) -> None:
        for id_ in self._service.after:
            await self._around.units[id_].until(lambda unit: unit.up)
        for condition in self._service.conditions:
            await self._met(condition)
        self.unit.step(Step.READY, "Running pre state")
        more = await self._service.prepare() if self._service.prepare is not None else None
        await self._clear()
        self.unit.step(Step.PREPARED, "Creating service runner")
        self._spawn((*self._service.argv, *(more or ())))
        assert self.process is not None
        self.unit.step(Step.SPAWNED, f"Process {self._service.argv[0]} started with PID {self.process.pid}")

    def _spawn(self, argv: Sequence[str]) -> None:
        service, around = self._service, self._around
        # joined before exec, not by CLONE_INTO_CGROUP: since 6.14 that kills every child born into a group which was
        # once written cgroup.kill, because the kernel compares the parent's group's count of kills with the child's
        procs = [folder / "cgroup.procs" for folder in around.tree.folders(service.cgroup)]
        sink = around.logs.sink(service.id)
        try:
            self.process = process = spawn(
                Spec(
                    argv,
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
        # first who it is, then the means to reach it: with the second but not the first nobody could name its exit
        self.unit.record.pid, self.unit.record.start_time = process.pid, process.start_time
        self.unit.note()
        around.init.put(self._name, process.pidfd)
        around.unapplied(service.id, process.unapplied)

    async def _live(self) -> Exit:
        assert self.process is not None
        watching = asyncio.create_task(self._watch())
        try:
            exit_ = await self.process.wait(self._around.clock)
        finally:
            watching.cancel()
            await asyncio.wait([watching])
        self._gone()
        return exit_

    async def _watch(self) -> None:
        health = self._service.health
        if health is None:
            return
        patience, well = round(health.delay / PROBE), self.unit.record.healthy
        for number in count(1):
            clock = self._around.clock
            at_ease = well or number > patience
            await clock.sleep(to_next_beat(clock.monotonic(), health.period) if at_ease else PROBE)
            problem = await _problem(health)
            well = well or not problem
            if well or number >= patience:
                self.unit.judge(not problem, problem)

    async def _met(self, condition: Condition) -> None:
        with self._around.store.follow(condition.pointer) as watch:
            while True:
                found = self._around.store.find(condition.pointer)
                if found is not None and condition.holds(found.spec):
                    return
                await watch.batch()

    async def _end(self, process: Process) -> None:
        ended = asyncio.ensure_future(process.wait(self._around.clock))
        late = asyncio.ensure_future(self._around.clock.sleep(self._service.grace))
        try:
            with suppress(ProcessLookupError):  # ended by itself just now
                process.signal(signal.SIGTERM)
                await asyncio.wait([ended, late], return_when=asyncio.FIRST_COMPLETED)
                if not ended.done():
                    process.signal(signal.SIGKILL)
            with suppress(NotFound):  # it ended, and nobody can say how any more
                await ended
        finally:
            ended.cancel()
            late.cancel()
            await asyncio.wait([ended, late])

    async def _clear(self) -> None:
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

    def _gone(self) -> None:
        if self.process is None:
            return
        self.process.close()
        self.process = None
        if self._name in self._around.init.names():
            self._around.init.drop(self._name)
        self.unit.record.pid = self.unit.record.start_time = 0
        self._around.logs.flush(self._service.id)

    def _left_alive(self) -> Process | None:
        record, pidfd = self.unit.record, self._around.init.get(self._name)
        if pidfd is None:
            return None
        if not record.pid:
            os.close(pidfd)
            return None
        return adopt(record.pid, pidfd, record.start_time, self._around.init)

    def _rests(self, well: bool, ended: str) -> bool:
        restart = self._service.restart
        if restart is Restart.FOREVER or (restart is Restart.UNTIL_SUCCESS and not well):
            return False
        self.unit.record.wanted = False  # the next machined shall not run it once more
        self.unit.step(Step.DONE if well else Step.GIVEN_UP, ended)
        return True

    @property
    def _name(self) -> str:
        return f"pidfd:{self._service.id}"


async def _problem(health: Health) -> str:
    try:
        async with asyncio.timeout(health.timeout):
            await health.check()
    except TimeoutError:
        return f"no answer within {health.timeout:g}s"
    except (OSError, IchorError) as error:
        return str(error) or type(error).__name__
    return ""


def _verdict(exit_: Exit) -> str:
    code = os.waitstatus_to_exitcode(exit_.status)
    return f"Process exited with code {code}" if code >= 0 else f"Process killed by {signal.Signals(-code).name}"


def _program(pid: int) -> str | None:
    try:
        return str(Path(f"/proc/{pid}/exe").readlink())
    except FileNotFoundError:
        return None
