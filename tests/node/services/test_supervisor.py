"""Services as real processes in real groups, on a clock that the test owns; and a second supervisor after the first."""

import asyncio
import os
import signal
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from google.protobuf.message import Message

from core.base.errors import Conflict, Denied, NotFound, NotReady
from core.linux.cgroup import Tree
from core.linux.init import Exit, Init
from core.linux.process import Spec, spawn
from core.node.resources import NAMESPACES, REGISTRY
from core.node.resources.runtime import UnappliedLimit
from core.node.resources.services import Service as ServiceStatus
from core.node.services.logs import Logs
from core.node.services.service import Condition, Health, Operation, Restart, Service
from core.node.services.states import State
from core.node.services.supervisor import Supervisor
from core.node.services.unit import KEPT, Unit
from core.rpc.pb.machine import machine_pb2 as pb
from core.state import Resource, Store
from tests.support.clock import FakeClock, on_loop
from tests.support.fdtable import FdTable

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="making groups needs root")
SLEEP = ("/bin/sleep", "1000")


class Table(FdTable):
    """init's part; our children are reaped by their pidfd, so its journal stays empty."""

    def journal(self, since: int = 0) -> list[Exit]:
        return []


class World:
    """What outlives a machined: descriptors, groups, processes."""

    def __init__(self) -> None:
        self.table = Table()
        self.group = f"ichor-test-{uuid.uuid4().hex[:8]}"
        self.tree = Tree.detect(base=self.group)
        self.tree.make("service")
        self.clock = FakeClock()
        self.published: list[Message] = []
        self.supervisor: Supervisor
        self.store: Store
        self.logs: Logs

    def publish(self, event: Message, actor_id: str = "") -> None:
        self.published.append(event)

    @asynccontextmanager
    async def machined(self, *services: Service) -> AsyncIterator[Supervisor]:
        self.store = Store(REGISTRY, self.clock, NAMESPACES)
        self.logs = Logs(self.table)
        init = cast(Init, self.table)
        made = Supervisor(
            services, init=init, tree=self.tree, logs=self.logs, store=self.store, events=self, clock=self.clock
        )
        try:
            async with made:
                yield made
        finally:
            self.logs.close()

    async def log(self, id_: str) -> bytes:
        return b"".join([piece async for piece in self.logs.find(id_).read()])

    def close(self) -> None:
        whole = Tree.detect()
        whole.kill(self.group)
        for pid in whole.pids(self.group):
            os.waitpid(pid, 0)
        while True:
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                break
        whole.remove(self.group)
        self.table.close()


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def service(id_: str, argv: Sequence[str] = SLEEP, **more: Any) -> Service:
    return Service(id_, argv, cgroup=f"service/{id_}", **more)


def running(unit: Unit) -> bool:
    return unit.state is State.RUNNING


def texts(unit: Unit) -> list[str]:
    return [happening.state.value for happening in unit.record.happenings]


def group(world: World, *ids: str) -> None:
    for id_ in ids:
        world.tree.make(f"service/{id_}")


def test_runs_in_its_group_says_so_and_stops(world: World) -> None:
    @on_loop
    async def run() -> None:
        group(world, "one")
        async with world.machined(service("one")) as supervisor:
            supervisor.start("one")
            unit = supervisor.unit("one")
            await unit.until(running)
            assert world.tree.pids("service/one") == [unit.record.pid]
            assert unit.up
            assert world.store.get(ServiceStatus.at("one")).spec.running
            await supervisor.stop("one")
            assert texts(unit) == ["Waiting", "Preparing", "Starting", "Running", "Stopping", "Finished"]
            assert world.tree.pids("service/one") == []
            assert not world.store.get(ServiceStatus.at("one")).spec.running
            assert [type(e).__name__ for e in world.published] == ["ServiceStateEvent"] * 6
            assert world.store.list(UnappliedLimit.all())  # no kernel here offers all of them
        assert "pidfd:one" not in world.table.names()

    run()


def test_output_is_kept_and_a_failing_service_is_tried_again(world: World) -> None:
    @on_loop
    async def run() -> None:
        group(world, "bad")
        argv = ("/bin/sh", "-c", "echo said; printf rest; exit 3")
        async with world.machined(service("bad", argv)) as supervisor:
            supervisor.start("bad")
            unit = supervisor.unit("bad")
            for count in (1, 2, 3):
                await unit.until(lambda u, n=count: u.record.restarts == n)  # type: ignore[misc] # a default that binds
                assert "exited with code 3; trying again in 5s" in unit.record.happenings[-1].message
                assert await world.log("bad") == b"said\nrest" * count
                await world.clock.advance(5)
            for _ in range(30):
                unit.note()
            assert len(unit.record.happenings) <= KEPT

    run()


def test_restart_policies(world: World) -> None:
    @on_loop
    async def run() -> None:
        group(world, "once", "well", "lost")
        services = (
            service("once", ("/bin/false",), restart=Restart.NEVER),
            service("well", ("/bin/true",), restart=Restart.UNTIL_SUCCESS),
            service("lost", ("/nonexistent",), restart=Restart.NEVER),
        )
        async with world.machined(*services) as supervisor:
            supervisor.start("once", "well", "lost")
            await supervisor.unit("once").until(lambda u: u.state is State.FAILED)
            await supervisor.unit("well").until(lambda u: u.state is State.FINISHED)
            await supervisor.unit("lost").until(lambda u: u.state is State.FAILED)
            assert "/nonexistent" in supervisor.unit("lost").record.happenings[-1].message
            supervisor.start("well")
            await supervisor.unit("well").until(lambda u: len(u.record.happenings) == 10)

    run()


def test_dependencies_and_conditions_hold_it_back_and_stop_order_is_reversed(world: World) -> None:
    @on_loop
    async def run() -> None:
        group(world, "base", "top")
        answers: list[bool] = []

        async def check() -> None:
            if not answers:
                raise NotReady("not yet")

        condition = Condition(ServiceStatus.at("network"), "the network", lambda spec: spec.running)
        services = (
            service("top", after=("base",), conditions=(condition,)),
            service("base", health=Health(check)),
        )
        async with world.machined(*services) as supervisor:
            supervisor.start("top", "base")
            base, top = supervisor.unit("base"), supervisor.unit("top")
            await base.until(running)
            await world.clock.advance(1)
            assert (base.record.known, base.record.healthy, base.record.health_message) == (True, False, "not yet")
            assert top.state is State.WAITING
            answers.append(True)
            await world.clock.advance(5)
            assert base.up
            assert top.state is State.WAITING
            world.store.create(Resource.of("network", ServiceStatus(running=False)))
            network = world.store.get(ServiceStatus.at("network"))
            world.store.update(network.with_spec(ServiceStatus(running=True)))
            await top.until(running)
            await supervisor.stop("base")
            finished = [
                e
                for e in world.published
                if isinstance(e, pb.ServiceStateEvent) and e.action == pb.ServiceStateEvent.FINISHED
            ]
            names = [event.service for event in finished]
            assert names == ["top", "base"]
            await supervisor.restart("base")
            assert supervisor.unit("top").state is State.FINISHED  # it was not wanted any more

    run()


def test_what_ignores_sigterm_is_killed_with_its_children(world: World) -> None:
    @on_loop
    async def run() -> None:
        group(world, "deaf")
        argv = ("/bin/bash", "-c", "trap '' TERM; sleep 1000 & echo up; while :; do wait; done")
        async with world.machined(service("deaf", argv)) as supervisor:
            supervisor.start("deaf")
            stream = world.logs.log("deaf").read(follow=True)
            assert await anext(stream) == b"up\n"
            await stream.aclose()
            stopping = supervisor.stop("deaf")
            task = supervisor._group.create_task(stopping)
            await supervisor.unit("deaf").until(lambda u: u.state is State.STOPPING)
            await world.clock.advance(10)
            await task
            assert world.tree.pids("service/deaf") == []
            assert supervisor.unit("deaf").state is State.FINISHED

    run()


def test_the_next_machined_takes_over_what_lives(world: World) -> None:
    @on_loop
    async def run() -> None:
        group(world, "stays", "dies")
        services = (service("stays"), service("dies"))
        async with world.machined(*services) as first:
            first.start("stays", "dies")
            for id_ in ("stays", "dies"):
                await first.unit(id_).until(running)
            pids = {id_: first.unit(id_).record.pid for id_ in first.units}
        os.kill(pids["dies"], signal.SIGKILL)
        async with world.machined(*services) as second:
            stays, dies = second.unit("stays"), second.unit("dies")
            await dies.until(lambda u: u.record.restarts == 1)
            assert "killed by SIGKILL" in dies.record.happenings[-1].message
            assert (stays.record.pid, stays.record.restarts, stays.state) == (pids["stays"], 0, State.RUNNING)
            assert stays.record.happenings[0].message == "Waiting for dependencies"
            await world.clock.advance(5)
            await dies.until(running)
            assert dies.record.pid not in (0, pids["dies"])
            await second.stop_all()
        async with world.machined(*services) as third:
            assert [unit.state for unit in third.units.values()] == [State.FINISHED] * 2

    run()


def test_a_stray_that_nobody_recorded_is_killed_before_a_start(world: World) -> None:
    @on_loop
    async def run() -> None:
        group(world, "stray")
        pid = os.fork()
        if pid == 0:
            try:
                world.tree.attach("service/stray", os.getpid())
                os.execv(SLEEP[0], SLEEP)
            finally:
                os._exit(1)
        while os.path.realpath(SLEEP[0]) != str(Path(f"/proc/{pid}/exe").readlink()):
            pass
        async with world.machined(service("stray", leaves_children=True)) as supervisor:
            supervisor.start("stray")
            await supervisor.unit("stray").until(running)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL  # noqa: ASYNC222 - it is dead already
            await supervisor.stop_all()

    run()


def test_daemons_are_judged_by_report_and_one_process_answers_for_two(world: World) -> None:
    @on_loop
    async def run() -> None:
        group(world, "containerd", "apid")
        daemon = spawn(Spec(SLEEP))
        services = (
            Service("apid", cgroup="service/apid"),
            service("containerd"),
            Service("cri", same_process_as="containerd"),
        )
        async with world.machined(*services) as supervisor:
            apid = supervisor.unit("apid")
            supervisor.report("apid", running=True, healthy=True, message="Process started with PID 7", pid=daemon.pid)
            assert apid.up
            assert world.tree.pids("service/apid") == [daemon.pid]
            daemon.signal(signal.SIGKILL)
            await daemon.wait()
            daemon.close()
            supervisor.report("apid", running=True, healthy=False, message="no beat for 12s")
            assert (apid.state, apid.up) == (State.RUNNING, False)
            supervisor.report("apid", running=False, healthy=False, message="Process killed by SIGKILL")
            assert (apid.state, apid.record.restarts) == (State.WAITING, 1)
            supervisor.report("apid", running=True, healthy=True, message="Process started with PID 9")
            assert apid.up
            supervisor.start("containerd", "cri", "apid")
            await supervisor.unit("cri").until(running)
            assert texts(supervisor.unit("cri")) == texts(supervisor.unit("containerd"))
            with pytest.raises(Conflict):
                supervisor.report("containerd", running=True, healthy=True, message="")
            with pytest.raises(NotFound, match="not registered"):
                supervisor.start("nobody")
            await supervisor.stop_all()

    run()


def test_the_next_machined_tells_of_all_that_lives_and_notes_an_end_it_missed(world: World) -> None:
    @on_loop
    async def run() -> None:
        group(world, "apid")
        first, second = (spawn(Spec(SLEEP)) for _ in range(2))
        apid, idle = Service("apid", cgroup="service/apid"), Service("idle")
        async with world.machined(apid, idle) as supervisor:
            supervisor.report("apid", running=True, healthy=True, message="PID", pid=first.pid)
        async with world.machined(apid, idle) as supervisor:
            assert [status.md.id for status in world.store.list(ServiceStatus.all())] == ["apid"]
            supervisor.report("apid", running=True, healthy=True, message="PID", pid=first.pid)
            assert supervisor.unit("apid").record.restarts == 0
            supervisor.report("apid", running=True, healthy=True, message="PID", pid=second.pid)
            assert supervisor.unit("apid").record.restarts == 1
            assert texts(supervisor.unit("apid"))[-5:] == ["Waiting", "Preparing", "Starting", "Running", "Running"]
            assert (
                supervisor.unit("apid").record.happenings[-5].message
                == f"PID {second.pid} has the place of PID {first.pid}"
            )
        for process in (first, second):
            process.signal(signal.SIGKILL)
            await process.wait()
            process.close()

    run()


def test_one_that_ran_its_course_is_not_run_again_by_the_next_machined(world: World) -> None:
    @on_loop
    async def run() -> None:
        group(world, "once")
        prepared: list[int] = []

        async def prepare() -> Sequence[str]:
            prepared.append(len(prepared))
            return ("-c", f"echo {len(prepared)}")

        once = service("once", ("/bin/sh",), prepare=prepare, restart=Restart.NEVER)
        async with world.machined(once) as first:
            first.start("once")
            await first.unit("once").until(lambda u: u.state is State.FINISHED)
            assert await world.log("once") == b"1\n"
        async with world.machined(once) as second:
            assert second.unit("once").state is State.FINISHED
            assert prepared == [0]
            second.start("once")
            await second.unit("once").until(lambda u: u.state is State.RUNNING)
            await second.unit("once").until(lambda u: u.state is State.FINISHED)
            assert await world.log("once") == b"1\n2\n"

    run()


def test_who_stops_it_at_the_same_time_waits_for_the_same_end(world: World) -> None:
    @on_loop
    async def run() -> None:
        group(world, "one")
        async with world.machined(service("one")) as supervisor:
            unit = supervisor.unit("one")
            supervisor.start("one")
            await unit.until(running)
            stops = [asyncio.create_task(supervisor.stop("one")) for _ in range(3)]
            await unit.until(lambda u: u.state is State.STOPPING)
            with pytest.raises(NotReady, match="being stopped"):
                supervisor.start("one")
            await asyncio.gather(*stops)
            assert texts(unit).count("Finished") == 1
            supervisor.start("one")
            await unit.until(running)
            await supervisor.stop("one")

    run()


def test_who_asks_for_an_end_and_hangs_up_leaves_nothing_half_ended(world: World) -> None:
    @on_loop
    async def run() -> None:
        group(world, "deaf")
        script = "trap '' TERM; echo; while :; do read _ < /dev/null || sleep 0.01; done"
        async with world.machined(service("deaf", ("/bin/sh", "-c", script))) as supervisor:
            unit = supervisor.unit("deaf")

            async def is_deaf(starts: int) -> None:
                await unit.until(running)
                while (await world.log("deaf")).count(b"\n") < starts:  # noqa: ASYNC110 - it is heard when it is read
                    await asyncio.sleep(0.001)

            asks: list[Callable[[str], Coroutine[Any, Any, None]]] = [supervisor.stop, supervisor.restart]
            for starts, ask in enumerate(asks, 1):
                supervisor.start("deaf")
                await is_deaf(starts)
                asked = asyncio.create_task(ask("deaf"))
                await unit.until(lambda u: u.state is State.STOPPING)
                asked.cancel()
                await asyncio.wait([asked])
                assert unit.state is State.STOPPING
                await world.clock.advance(unit.service.grace)
                await unit.until(lambda u: u.state is not State.STOPPING)
            await is_deaf(3)  # the restart went on as well
            stop = asyncio.create_task(supervisor.stop("deaf"))
            await unit.until(lambda u: u.state is State.STOPPING)
            await world.clock.advance(unit.service.grace)
            await stop

    run()


def test_operators_may_do_what_a_service_leaves_to_them(world: World) -> None:
    @on_loop
    async def run() -> None:
        group(world, "one")
        open_ = service("one", operations=frozenset((Operation.START,)))
        async with world.machined(open_) as supervisor:
            supervisor.allow("one", Operation.START)
            with pytest.raises(Denied, match=r'service "one" doesn\'t support stop operation via API'):
                supervisor.allow("one", Operation.STOP)
            with pytest.raises(NotFound, match="not registered"):
                supervisor.allow("two", Operation.START)

    run()
