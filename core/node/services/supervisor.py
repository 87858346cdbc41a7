"""All services of a node: who is wanted, in which order they go, and telling everybody: the record that outlives
machined, the event bus, the Service resources. Leaving it leaves every process running for the next machined."""

import asyncio
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from typing import Any, Final

from core.base.clock import Clock
from core.base.errors import Conflict, Denied, NotFound, NotReady
from core.linux.cgroup import Tree
from core.linux.init import Init
from core.node.containers.client import SOCKET, Containerd
from core.node.events import Publisher
from core.node.resources.runtime import UnappliedLimit
from core.node.resources.services import Service as ServiceStatus
from core.node.services import groups
from core.node.services.logs import Logs
from core.node.services.runner import Runner
from core.node.services.service import Operation, Service
from core.node.services.states import TABLE, State, Step
from core.node.services.surroundings import Surroundings
from core.node.services.unit import Happening, Record, Unit
from core.node.survivor import Survivor
from core.rpc.client import Channel
from core.rpc.pb.machine import machine_pb2 as pb
from core.state import Resource, Store

OWNER: Final = "services.Supervisor"
RECORD: Final = "services"
_BEGIN: Final = (Step.START, Step.READY, Step.PREPARED, Step.SPAWNED)


class Supervisor:
    """Use as `async with`; services run while it is entered. `socket` is containerd's."""

    def __init__(
        self,
        services: Iterable[Service],
        *,
        init: Init,
        tree: Tree,
        logs: Logs,
        store: Store,
        events: Publisher,
        clock: Clock,
        socket: str = SOCKET,
    ) -> None:
        self._survivor: Survivor[dict[str, Record]] = Survivor(init, RECORD, dict[str, Record])
        records = self._survivor.load() or {}
        self._events, self._store, self._tree, self._logs = events, store, tree, logs
        self.units = {s.id: Unit(s, records.get(s.id, Record()), clock, self._changed) for s in services}
        self._containerd = Containerd(Channel(socket), clock)
        around = Surroundings(init, tree, logs, store, clock, self.units, self._containerd, self._unapplied)
        self._runners = {id_: Runner(unit, around) for id_, unit in self.units.items() if unit.service.ours}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopping = {id_: asyncio.Lock() for id_ in self._runners}
        self._ends: set[asyncio.Task[None]] = set()
        self._group = asyncio.TaskGroup()
        self._entered = False

    async def __aenter__(self) -> "Supervisor":
        await self._group.__aenter__()
        # in a thread: the kernel lets the first move between groups wait for every processor, some 20 ms
        for limit in await asyncio.to_thread(groups.make, self._tree):
            self._report_limit(limit.path, limit.setting, limit.value, limit.reason)
        for unit in self.units.values():
            if unit.state is not State.INITIALIZED:
                unit.note()  # the store knows nothing of what an earlier machined left running
        self._entered = True
        for id_, runner in self._runners.items():
            record = runner.unit.record
            if record.wanted:
                self._launch(id_)
            elif record.state is State.STOPPING:
                self._tasks[id_] = self._group.create_task(runner.stop())
        return self

    async def __aexit__(self, *error: object) -> None:
        for task in (*self._tasks.values(), *self._ends):
            task.cancel()
        if self._ends:
            await asyncio.wait(self._ends)
        await self._group.__aexit__(None, None, None)
        for runner in self._runners.values():
            if runner.process is not None:
                runner.process.close()
        await self._containerd.channel.close()
        self._survivor.close()

    def unit(self, id_: str) -> Unit:
        """The service's state. Raises NotFound."""
        try:
            return self.units[id_]
        except KeyError:
            raise NotFound(f"service {id_!r} is not registered", remedy=f"use one of {', '.join(self.units)}") from None

    def start(self, *ids: str) -> None:
        """Want these; what they come after must be wanted too or they wait. One that runs goes on; before this is
        entered they wait for that. Raises NotReady for one that is being stopped."""
        for id_ in ids:
            unit = self.unit(id_)
            if unit.state is State.STOPPING:
                raise NotReady(f"service {id_} is being stopped", remedy="try again when it has ended")
            if id_ in self._runners and (id_ not in self._tasks or self._tasks[id_].done()):
                unit.record.wanted = True
                if self._entered:
                    self._launch(id_)

    def skip(self, id_: str, reason: str) -> None:
        """This node has no use for it."""
        self.unit(id_).step(Step.SKIP, reason)

    async def stop(self, *ids: str) -> None:
        """End these and everything that comes after them, the last ones first. Goes on when who asked does not wait
        any longer: a caller that hangs up leaves nothing half ended."""
        await self._through(self._stop_layers(ids))

    async def _through(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._ends.add(task)
        task.add_done_callback(self._ends.discard)
        await asyncio.shield(task)

    async def _stop_layers(self, ids: Iterable[str]) -> None:
        for layer in _layers(self.units, self._with_dependents(ids)):
            async with asyncio.TaskGroup() as group:
                for id_ in layer:
                    group.create_task(self._stop(id_))

    async def stop_all(self) -> None:
        """End everything that has a process of ours."""
        await self.stop(*self.units)

    def allow(self, id_: str, operation: Operation) -> None:
        """Raise NotFound, or Denied unless an operator may do this with the service."""
        if operation not in self.unit(id_).service.operations:
            raise Denied(f'service "{id_}" doesn\'t support {operation.value} operation via API')

    async def restart(self, id_: str) -> None:
        """Stop, then start it and all that had to stop with it; goes on like `stop`."""
        await self._through(self._restart(id_))

    async def renew(self, id_: str) -> None:
        """End the process and start another at once; what comes after this service is left as it is. Raises NotReady
        while it does not run."""
        runner = self._runners[self.unit(id_).service.id]
        if runner.unit.state is not State.RUNNING:
            raise NotReady(f"service {id_} does not run")
        await runner.renew()

    async def _restart(self, id_: str) -> None:
        stopped = [other for other in self._with_dependents([id_]) if self.unit(other).record.wanted]
        await self._stop_layers([id_])
        self.start(*stopped)

    def report(self, id_: str, *, running: bool, healthy: bool, message: str, pid: int = 0) -> None:
        """What whoever runs and judges this service says of it: the spawner of our own daemons. It joins its group."""
        unit = self.unit(id_)
        if id_ in self._runners:
            raise Conflict(f"service {id_} is run from here", remedy="report on daemons only")
        if running and pid and pid != unit.record.pid:
            if unit.state is State.RUNNING:  # it gave way to another, or ended while there was no machined
                unit.record.restarts += 1
                unit.step(Step.LOST, f"PID {pid} has the place of PID {unit.record.pid}")
            self._join(unit, pid)
        if running and unit.state is not State.RUNNING:
            self._logs.take()
            for step in _BEGIN:
                if (unit.state, step) in TABLE:
                    unit.step(step, message)
        elif not running and unit.state is State.RUNNING:
            unit.record.restarts += 1
            unit.step(Step.LOST, message)
        if running:
            unit.judge(healthy, "" if healthy else message)

    def _join(self, unit: Unit, pid: int) -> None:
        unit.record.pid = pid
        if unit.service.cgroup:
            with suppress(ProcessLookupError):  # it ended meanwhile, which will be reported
                self._tree.attach(unit.service.cgroup, pid)

    def _launch(self, id_: str) -> None:
        runner = self._runners[id_]
        if runner.process is None:
            active = (runner.unit.state, Step.LOST) in TABLE
            runner.unit.step(
                Step.LOST if active else Step.START, "Starting again" if active else "Waiting for dependencies"
            )
        self._tasks[id_] = self._group.create_task(runner.run(), name=f"service {id_}")

    async def _stop(self, id_: str) -> None:
        runner = self._runners.get(id_)
        if runner is None:
            return
        async with self._stopping[id_]:  # who asks meanwhile returns when it has ended, too
            runner.unit.record.wanted = False
            task = self._tasks.pop(id_, None)
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
            if (runner.unit.state, Step.STOP) in TABLE:
                await runner.stop()

    def _with_dependents(self, ids: Iterable[str]) -> list[str]:
        wanted = {self.unit(id_).service.id for id_ in ids}
        while more := {i for i, unit in self.units.items() if i not in wanted and wanted & set(unit.service.after)}:
            wanted |= more
        return [id_ for id_ in self.units if id_ in wanted]

    def _changed(self, unit: Unit, happening: Happening | None) -> None:
        self._survivor.save({id_: unit.record for id_, unit in self.units.items()})
        if happening is not None:
            self._events.publish(_event(unit, happening))
        record = unit.record
        status = ServiceStatus(running=record.state is State.RUNNING, healthy=record.healthy, unknown=not record.known)
        self._put(Resource.of(unit.service.id, status))
        for mirror in self.units.values():
            if mirror.service.same_process_as == unit.service.id:
                mirror.mirror(record, happening)

    def _unapplied(self, id_: str, names: tuple[str, ...]) -> None:
        for name in names:
            self._report_limit(self.unit(id_).service.cgroup, name, "", f"not allowed to set it for {id_}")

    def _report_limit(self, cgroup: str, limit: str, value: str, reason: str) -> None:
        spec = UnappliedLimit(cgroup=cgroup, limit=limit, value=value, reason=reason)
        self._put(Resource.of(f"{cgroup}/{limit}", spec))

    def _put(self, resource: Resource[ServiceStatus] | Resource[UnappliedLimit]) -> None:
        found = self._store.find(resource.md.pointer)
        if found is None:
            self._store.create(resource, OWNER)
        else:
            self._store.update(found.with_spec(resource.spec), OWNER)


def _layers(units: dict[str, Unit], ids: Iterable[str]) -> list[list[str]]:
    """The ids in the order in which they stop: none before all that come after it."""
    left, layers = list(ids), []
    while left:
        needed = {other for id_ in left for other in units[id_].service.after}
        layer = [id_ for id_ in left if id_ not in needed]
        if not layer:
            raise Conflict(f"services wait for each other: {', '.join(left)}")
        layers.append(layer)
        left = [id_ for id_ in left if id_ in needed]
    return layers


def _event(unit: Unit, happening: Happening) -> pb.ServiceStateEvent:
    health = pb.ServiceHealth(
        unknown=not unit.record.known, healthy=unit.record.healthy, last_message=unit.record.health_message
    )
    health.last_change.FromNanoseconds(round(unit.record.health_time * 10**9))
    name = happening.state.name
    return pb.ServiceStateEvent(service=unit.service.id, action=name, message=happening.message, health=health)
