"""Runs one service: waits for what it needs, starts its process or takes over a living one, judges it, starts it anew.
A cancelled runner leaves the process alone, for the next machined; `stop` ends it and all that is left of it."""

import asyncio
import os
import signal
from contextlib import suppress
from itertools import count
from typing import Final

from core.base.clock import to_next_beat
from core.base.errors import IchorError, NotFound
from core.linux.init import Exit
from core.linux.process import Process
from core.node.services.contained import Contained
from core.node.services.means import Means
from core.node.services.program import Program
from core.node.services.service import Condition, Health, Restart, Service
from core.node.services.states import Step
from core.node.services.surroundings import Surroundings
from core.node.services.unit import Unit

PROBE: Final = 0.1  # seconds between checks of a service that is coming up


class Runner:
    """The process of one unit."""

    def __init__(self, unit: Unit, around: Surroundings) -> None:
        self.unit, self._around = unit, around
        self._means: Means = Contained(unit.service, around) if unit.service.plan else Program(unit.service, around)
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
        await self._means.clear()
        self.unit.step(Step.STOPPED, "Service finished")

    async def _begin(self) -> None:
        for id_ in self._service.after:
            await self._around.units[id_].until(lambda unit: unit.up)
        for condition in self._service.conditions:
            await self._met(condition)
        self.unit.step(Step.READY, "Running pre state")
        await self._means.ready()
        await self._means.clear()
        self.unit.step(Step.PREPARED, "Creating service runner")
        self.process = process = await self._means.start()
        # first who it is, then the means to reach it: with the second but not the first nobody could name its exit
        self.unit.record.pid, self.unit.record.start_time = process.pid, process.start_time
        self.unit.note()
        self._around.init.put(self._name, process.pidfd)
        self._around.unapplied(self._service.id, process.unapplied)
        self.unit.step(Step.SPAWNED, f"{self._means.what} started with PID {process.pid}")

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
        return self._means.adopt(record.pid, pidfd, record.start_time)

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
