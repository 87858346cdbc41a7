"""Runs one sequence at a time and says so: events with one actor id, the running phase in a record that outlives
machined. A final sequence (reboot, shutdown, reset) that ran when machined died goes on in its successor, from that
phase."""

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from core.base.clock import Clock
from core.base.errors import Conflict, IchorError
from core.node.events import Publisher
from core.node.lifecycle.sequence import TAKEOVER, Order, Phase, Sequence, Task
from core.node.survivor import Survivor
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as machine

_log = logging.getLogger("lifecycle")


class Running(msgspec.Struct, frozen=True):
    """The record: which sequence, on whose behalf, the phase it is in, and what was asked for."""

    sequence: str
    actor: str
    phase: int
    order: Order = Order()


@dataclass(slots=True)
class Runner:
    """`machine` is handed to every task; `ended` names the sequence that ended last."""

    sequences: Mapping[str, Sequence]
    events: Publisher
    record: Survivor[Running]
    clock: Clock
    machine: Any = None
    changed: Callable[[], None] = lambda: None
    current: Running | None = None
    ended: str = ""
    _task: asyncio.Task[str] | None = None

    def interrupted(self) -> Running | None:
        """The final sequence that a machined before this one did not finish, if any."""
        left = self.record.load()
        if left is None or left.sequence not in self.sequences or not self.sequences[left.sequence].final:
            return None
        return left

    def behind(self, phase: str) -> bool:
        """Whether what a machined before this one did not finish had that phase behind it."""
        left = self.interrupted()
        return left is not None and phase in {each.name for each in self.sequences[left.sequence].phases[: left.phase]}

    async def finish(self) -> bool:
        """Go on with what a machined before this one did not finish, if there is something; whether the machine is to
        come up then, because a gate kept it as it was."""
        if (left := self.interrupted()) is not None:
            self.start(left.sequence, left.actor, phase=left.phase, order=left.order)
            await self.wait()
        return self.interrupted() is None

    def start(self, name: str, actor: str = "", *, phase: int = 0, order: Order | None = None) -> Running:
        """Begin a sequence in the background; what it says carries `actor` (made if empty). Raises Conflict if another
        runs that it may not take over from."""
        sequence = self.sequences[name]
        running = Running(name, actor or str(uuid.uuid4()), phase, order or Order())
        if self.current is not None and name not in TAKEOVER.get(self.current.sequence, frozenset()):
            refused = machine.SequenceEvent(sequence=name, action=machine.SequenceEvent.NOOP)
            refused.error.CopyFrom(
                common_pb2.Error(code=common_pb2.Code.LOCKED, message=f"{self.current.sequence} is running")
            )
            self.events.publish(refused, running.actor)
            raise Conflict(f"{self.current.sequence} is running", remedy=f"wait for it, then ask for {name} again")
        before = self._task
        self.current = running
        self.changed()
        self.record.save(running)
        following = self._follow(before, sequence, running)
        self._task = asyncio.get_running_loop().create_task(following, name=f"sequence {name}")
        return running

    async def wait(self) -> str:
        """Until the running sequence has ended; what went wrong in it, or nothing."""
        return await self._task if self._task is not None else ""

    async def _follow(self, before: asyncio.Task[str] | None, sequence: Sequence, running: Running) -> str:
        if before is not None and not before.done():
            before.cancel()
            await asyncio.wait({before})
        return await self._run(sequence, running)

    async def _run(self, sequence: Sequence, running: Running) -> str:
        self.events.publish(_sequence(sequence.name, machine.SequenceEvent.START), running.actor)
        problems: list[str] = []
        final = sequence.final
        try:
            for index, phase in enumerate(sequence.phases[running.phase :], running.phase):
                if not phase.when(running.order):
                    continue
                self.record.save(msgspec.structs.replace(running, phase=index))
                failed = await self._phase(phase, running)
                problems += failed
                final = sequence.final and not (failed and phase.gate)
                if problems and not final:
                    break  # the machine ends whatever fails on the way; anything else stops at its first failure
        finally:
            # one that ended the machine stays until the end comes; one that failed at it may be asked for again
            if self.current is running and (problems or not final):
                self.current = None
                if final or not sequence.final:  # a machine that went nowhere is what it was
                    self.ended = sequence.name
                self.changed()
                if not final:
                    self.record.save(Running("", "", 0))
            self.events.publish(
                _sequence(sequence.name, machine.SequenceEvent.STOP, "; ".join(problems)), running.actor
            )
        return "; ".join(problems)

    async def _phase(self, phase: Phase, running: Running) -> list[str]:
        self.events.publish(machine.PhaseEvent(phase=phase.name, action=machine.PhaseEvent.START), running.actor)
        problems: list[str] = []
        try:
            async with asyncio.TaskGroup() as group:
                for task in phase.tasks:
                    group.create_task(self._step(task, running, problems), name=f"task {task.name}")
        finally:
            self.events.publish(machine.PhaseEvent(phase=phase.name, action=machine.PhaseEvent.STOP), running.actor)
        return problems

    async def _step(self, task: Task, running: Running, problems: list[str]) -> None:
        began = self.clock.monotonic()
        self.events.publish(machine.TaskEvent(task=task.name, action=machine.TaskEvent.START), running.actor)
        try:
            await task.run(self.machine)
        except (IchorError, OSError, ExceptionGroup) as error:
            for problem in _each(error):
                problems.append(f"{task.name}: {problem}")
                _log.error("%s: %s: %s", running.sequence, task.name, problem)
        finally:
            self.events.publish(machine.TaskEvent(task=task.name, action=machine.TaskEvent.STOP), running.actor)
        _log.info("%s: %s took %.3f s", running.sequence, task.name, self.clock.monotonic() - began)


def _each(error: Exception) -> list[Exception]:
    """What really happened: tasks that do several things at once fail in groups."""
    if isinstance(error, ExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _each(inner)]
    return [error]


def _sequence(name: str, action: machine.SequenceEvent.Action, problem: str = "") -> machine.SequenceEvent:
    event = machine.SequenceEvent(sequence=name, action=action)
    if problem:
        event.error.CopyFrom(common_pb2.Error(code=common_pb2.Code.FATAL, message=problem))
    return event
