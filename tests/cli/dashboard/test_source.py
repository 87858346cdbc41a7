"""Sources against a server of their own: one call at a time, beats skipped when answers are late, rest when nobody
looks, an endless failure asked for ever more seldom, a dead node beside a living one."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any

from google.protobuf.empty_pb2 import Empty

from core.base.errors import Invalid
from core.cli.dashboard.model.node import Fleet, Reach
from core.cli.dashboard.sources.attention import Attention, Look, Tab
from core.cli.dashboard.sources.reach import Link, Path
from core.cli.dashboard.sources.source import Beat, Stream, Surroundings
from core.rpc.client import Channel
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.server import Server
from core.rpc.service import Service, server_stream, unary
from core.rpc.status import Code, RpcError
from tests.support.clock import FakeClock, on_loop

LOOK = Look("n")


@dataclass
class Machine:
    """A node as far as these tests go: answers when it is let."""

    free: asyncio.Event = field(default_factory=asyncio.Event)
    failure: RpcError | None = None
    asked: int = 0
    streams: int = 0
    open_streams: int = 0
    under_way: int = 0
    most: int = 0

    async def version(self, _: Any, __: Empty) -> pb.VersionResponse:
        return pb.VersionResponse(messages=[pb.Version(version=pb.VersionInfo(tag="v1"))])

    async def memory(self, _: Any, __: Empty) -> pb.MemoryResponse:
        self.asked += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.free.wait()
        finally:
            self.under_way -= 1
        if self.failure is not None:
            raise self.failure
        return pb.MemoryResponse(messages=[pb.Memory(meminfo=pb.MemInfo(memtotal=self.asked))])

    async def events(self, _: Any, __: pb.EventsRequest) -> AsyncIterator[pb.Event]:
        self.streams += 1
        self.open_streams += 1
        try:
            yield pb.Event(id=str(self.streams))
            await self.free.wait()
        finally:
            self.open_streams -= 1

    @asynccontextmanager
    async def served(self, path: File) -> AsyncIterator[None]:
        methods = {
            "Version": unary(self.version, Empty, pb.VersionResponse),
            "Memory": unary(self.memory, Empty, pb.MemoryResponse),
            "Events": server_stream(self.events, pb.EventsRequest, pb.Event),
        }
        server = Server([Service("machine.MachineService", methods)])
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(path))
            listening.listen()
            await server.serve(listening, None)
            try:
                yield
            finally:
                await server.drain(0)


class Watching:
    """One node, watched."""

    def __init__(self, channel: Channel) -> None:
        self.clock, self.fleet, self.attention = FakeClock(), Fleet.of(("n",)), Attention(LOOK)
        self.node = self.fleet.nodes["n"]
        self.link = Link(Path("n", [channel], ()), self.node, self.fleet, self.attention.signal, self.clock)
        self.around = Surroundings(self.link, self.attention, self.clock, 1.0, 0.0)
        self.sizes: list[int] = []
        self.beat = Beat("Memory", pb.MemoryResponse, self._take, self.around, lambda look: look.tab is Tab.OVERVIEW)

    def _take(self, _: float, message: pb.Memory) -> None:
        self.sizes.append(message.meminfo.memtotal)

    async def until(self, condition: Any) -> None:
        while not condition():  # noqa: ASYNC110 - of sockets and of many tasks, and the tests' loops have a deadline
            await asyncio.sleep(0)


@asynccontextmanager
async def watching(path: File) -> AsyncIterator[tuple[Machine, Watching]]:
    machine = Machine()
    async with machine.served(path), Channel(path) as channel:
        watched = Watching(channel)
        tasks = [asyncio.create_task(run()) for run in (watched.link.run, watched.beat.run)]
        try:
            yield machine, watched
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            machine.free.set()


@on_loop
async def test_a_late_answer_costs_beats_and_never_a_second_call(tmp_path: File) -> None:
    async with watching(tmp_path / "s") as (machine, watched):
        await watched.until(lambda: machine.under_way)
        for _ in range(7):
            await watched.clock.advance(1)
        assert (machine.asked, machine.most) == (1, 1)
        machine.free.set()
        await watched.until(lambda: watched.sizes == [1])
        await watched.until(lambda: watched.clock.sleeping)
        assert watched.clock.sleeping == [1.0]  # to the next beat, not to the six that went by
        for beat in (2, 3, 4):
            await watched.clock.advance(1)
            await watched.until(lambda beat=beat: len(watched.sizes) == beat)
            await watched.until(lambda: watched.clock.sleeping)
        assert (machine.asked, machine.most) == (4, 1)


@on_loop
async def test_nobody_asks_for_what_nobody_sees(tmp_path: File) -> None:
    async with watching(tmp_path / "s") as (machine, watched):
        machine.free.set()
        await watched.until(lambda: watched.sizes == [1])
        for change in ({"tab": Tab.LOGS}, {"tab": Tab.OVERVIEW, "paused": True}):
            watched.attention.turn(**change)
            for _ in range(5):
                await watched.clock.advance(1)
            assert machine.asked == 1
        watched.attention.turn(paused=False)
        await watched.until(lambda: watched.sizes == [1, 2])


@on_loop
async def test_who_is_poked_asks_at_once(tmp_path: File) -> None:
    async with watching(tmp_path / "s") as (machine, watched):
        machine.free.set()
        await watched.until(lambda: watched.sizes == [1])
        await watched.until(lambda: watched.clock.sleeping)
        watched.beat.poke()
        await watched.until(lambda: watched.sizes == [1, 2])
        assert watched.clock.monotonic() == 0


@on_loop
async def test_a_refusal_is_told_and_asked_for_ever_more_seldom(tmp_path: File) -> None:
    async with watching(tmp_path / "s") as (machine, watched):
        machine.failure = RpcError(Code.PERMISSION_DENIED, "not authorized")
        machine.free.set()
        await watched.until(lambda: watched.node.refused == {"Memory": "not authorized"})
        waits = []
        for asked in (1, 2, 3, 4):
            await watched.until(lambda asked=asked: machine.asked == asked and watched.clock.sleeping)
            waits += watched.clock.sleeping
            await watched.clock.advance(watched.clock.sleeping[0])
        assert waits == [1, 2, 4, 8]
        assert watched.node.reach is Reach.UP  # it answered, after all
        machine.failure = None
        await watched.until(lambda: machine.asked == 5 and watched.clock.sleeping)
        await watched.clock.advance(watched.clock.sleeping[0])
        await watched.until(lambda: watched.sizes)
        assert watched.node.refused == {}


@on_loop
async def test_what_nobody_understands_ends_nothing(tmp_path: File) -> None:
    def refuse(_: float, message: pb.Memory) -> None:
        raise Invalid(f"{message.meminfo.memtotal} is no number")

    async with watching(tmp_path / "s") as (machine, watched):
        watched.beat.take = refuse
        machine.free.set()
        await watched.until(lambda: watched.node.refused == {"Memory": "1 is no number"} and watched.clock.sleeping)
        await watched.clock.advance(watched.clock.sleeping[0])
        await watched.until(lambda: watched.node.refused == {"Memory": "2 is no number"})
        assert watched.node.reach is Reach.UP


@on_loop
async def test_a_dead_node_is_asked_whether_it_lives_and_nothing_else(tmp_path: File) -> None:
    async with Channel(tmp_path / "s") as channel:
        watched = Watching(channel)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(run()) for run in (watched.link.run, watched.beat.run)]
            await watched.until(lambda: watched.node.reach is Reach.DOWN and watched.clock.sleeping)
            assert "cannot connect" in watched.node.reason
            waits = []
            for _ in range(7):
                waits += watched.clock.sleeping
                await watched.clock.advance(watched.clock.sleeping[0])
                await watched.until(lambda: watched.clock.sleeping)
            assert waits == [0.25, 0.5, 1, 2, 4, 5, 5]
            machine = Machine()
            machine.free.set()
            async with machine.served(tmp_path / "s"):
                await watched.clock.advance(5)
                await watched.until(lambda: watched.sizes)
                assert (watched.node.reach, watched.node.version) == (Reach.UP, "v1")
                for task in tasks:
                    task.cancel()


@on_loop
async def test_a_stream_lasts_while_it_is_wanted_and_begins_anew(tmp_path: File) -> None:
    async with watching(tmp_path / "s") as (machine, watched):
        seen: list[str] = []
        stream = Stream(
            "Events",
            lambda: _events(watched.link.path),
            lambda event: seen.append(event.id),
            watched.around,
            lambda look: look.log if look.tab is Tab.LOGS else "",
        )
        task = asyncio.create_task(stream.run())
        steps = (("a", Tab.LOGS, 1, 1), ("a", Tab.DISKS, 1, 0), ("a", Tab.LOGS, 2, 1), ("b", Tab.LOGS, 3, 1))
        for log, tab, *counts in steps:
            watched.attention.turn(log=log, tab=tab)
            await watched.until(lambda counts=counts: [machine.streams, machine.open_streams] == counts)
        await watched.until(lambda: seen == ["1", "2", "3"])
        machine.free.set()  # it ends by itself
        await watched.until(lambda: 0.25 in watched.clock.sleeping)
        await watched.clock.advance(0.25)
        await watched.until(lambda: "4" in seen)
        task.cancel()
        await asyncio.wait([task])


async def _events(path: Path) -> AsyncIterator[pb.Event]:
    async with path.stream("machine.MachineService/Events", pb.EventsRequest(), pb.Event) as call:
        async for event in call:
            yield event
