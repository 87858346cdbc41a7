"""Who may begin the cluster: in a network that delays, loses and cuts, among nodes that are killed and come back; and
with real rooms, one of them etcd's."""

import asyncio
import random
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from core.base.errors import AlreadyExists, Conflict, IchorError, NotReady
from core.cluster.etcd import bootstrap
from core.cluster.etcd.client import Etcd
from core.cluster.etcd.journal import Entry, Journal, Stage
from core.cluster.etcd.local import Local
from core.cluster.etcd.membership import Me
from core.cluster.etcd.reach import Reach
from core.cluster.etcd.waiting import Room
from core.rpc.pb.etcd import claims_pb2 as pb
from core.rpc.status import Code, RpcError
from core.rpc.tls import ClientTLS
from tests.support.clock import FakeClock, on_loop, settle
from tests.support.control import CLOCK, controls, gathered, serving
from tests.support.etcd import Etcds

TLS = ClientTLS(insecure=True)
BEGUN = (Stage.BOOTSTRAP, Stage.RESTORING)


@dataclass
class World:
    """Nodes with their journals on disk, and a network between them that `chance` disturbs while `fair` is not said."""

    folder: Path
    chance: random.Random
    clock: FakeClock = field(default_factory=FakeClock)
    nodes: "list[Node]" = field(default_factory=list)
    cut: set[frozenset[str]] = field(default_factory=set)
    fair: bool = False
    begun: set[str] = field(default_factory=set)

    def grow(self, count: int) -> None:
        self.nodes = [Node(self, f"n{number}") for number in range(count)]

    def watch(self) -> None:
        self.begun |= {each.journal.entry.token for each in self.nodes if each.journal.entry.stage in BEGUN}


class Node:
    """A control plane whose room is open as long as it lives."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name, self.tasks = world, name, list[asyncio.Task[object]]()
        (world.folder / name).mkdir()
        self.boot()

    def boot(self) -> None:
        """Killed, and started from what is on disk."""
        for each in self.tasks:
            each.cancel()
        self.tasks = []
        self.journal = Journal(self.world.folder / self.name / "journal")
        self.local = Local(Me(self.name, [f"https://{self.name}:2380"]), self.journal, self.world.folder / self.name)
        self.room = Room(self.local)
        self.reach = Lines(self)

    def ask(self, resume: bool = False) -> asyncio.Task[object]:
        """An operator asks for a bootstrap, or the node goes on with an earlier one."""
        begin = bootstrap.resume if resume else bootstrap.bootstrap
        self.tasks.append(asyncio.ensure_future(quietly(lambda: begin(self.local, self.reach, self.world.clock))))
        return self.tasks[-1]


async def quietly(job: Callable[[], Awaitable[object]]) -> object:
    try:
        return await job()
    except IchorError as error:
        return error


class Lines(Reach):
    """To all others, through the world's network."""

    def __init__(self, node: Node) -> None:
        super().__init__(TLS, [])
        self._node = node

    @property
    def others(self) -> list[Etcd]:
        nodes = self._node.world.nodes
        return [Line(self._node.world, self._node, each) for each in nodes if each is not self._node]


class Line(Etcd):
    """To one node, as it is when a message arrives."""

    def __init__(self, world: World, near: Node, far: Node) -> None:
        super().__init__(f"{far.name}:2379", TLS)
        self._world, self._ends = world, (near, far)

    async def claims(self, method: str, request: Message) -> pb.Standing:
        await self._travel()
        ask: Any = getattr(self._ends[1].room, method.lower())
        said: pb.Standing = await ask(None, request)
        await self._travel()
        return said

    async def _travel(self) -> None:
        world, names = self._world, frozenset(each.name for each in self._ends)
        await world.clock.sleep(world.chance.random() / 10)
        if names in world.cut or (not world.fair and world.chance.random() < 0.1):
            raise RpcError(Code.UNAVAILABLE, "lost on its way")


async def happen(world: World, count: int) -> None:
    """So many things, in any order, with a little time between them."""
    pairs = [frozenset({a.name, b.name}) for a in world.nodes for b in world.nodes if a is not b]
    for _ in range(count):
        node = world.chance.choice(world.nodes)
        match world.chance.choice(["ask", "ask", "kill", "cut", "heal"]):
            case "ask":
                node.ask()
            case "kill":
                node.boot()
                node.ask(resume=True)
            case "cut":
                world.cut |= {pair for pair in pairs if world.chance.random() < 0.4}
            case "heal":
                world.cut.clear()
        for _ in range(world.chance.randrange(4)):
            await world.clock.advance(0.07)
            world.watch()


async def calm(world: World) -> None:
    """All is heard again, and whatever is under way ends."""
    world.cut.clear()
    world.fair = True
    for node in world.nodes:
        node.boot()
        node.ask(resume=True)
    for _ in range(600):
        await world.clock.advance(0.1)
        world.watch()
        if all(task.done() for node in world.nodes for task in node.tasks):
            return
    raise AssertionError("something never ends")


@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(0, 12))
@settings(max_examples=60, deadline=None)
def test_whatever_happens_one_cluster_at_most_is_begun_and_one_can_be(seed: int, nodes: int, count: int) -> None:
    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            world = World(Path(folder), random.Random(seed))
            world.grow(nodes)
            await happen(world, count)
            assert len(world.begun) <= 1
            await calm(world)
            assert len(world.begun) <= 1
            world.nodes[-1].ask()
            world.nodes[0].ask()
            await settle()
            for _ in range(300):
                await world.clock.advance(0.1)
            world.watch()
            assert len(world.begun) == 1
            assert all(task.done() for node in world.nodes for task in node.tasks)

    asyncio.run(run())


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, random.Random(1), fair=True)
    yield made


async def ended(world: World, *tasks: "asyncio.Task[object]") -> list[object]:
    while not all(task.done() for task in tasks):
        await world.clock.advance(0.1)
    return [task.result() for task in tasks]


@on_loop
async def test_a_side_without_a_majority_is_told_whom_it_misses(world: World) -> None:
    world.grow(3)
    world.cut = {frozenset({"n0", "n1"}), frozenset({"n0", "n2"})}
    lonely, joint = await ended(world, world.nodes[0].ask(), world.nodes[1].ask())
    assert isinstance(lonely, NotReady)
    assert "a majority of the control planes is needed to begin; silent: n1:2379: lost" in str(lonely)
    assert joint == ["n0:2379: lost on its way"]
    assert world.nodes[0].journal.entry == Entry()
    world.cut.clear()
    (late,) = await ended(world, world.nodes[0].ask())
    assert isinstance(late, Conflict)
    assert "n1 has a place in etcd (bootstrap); this node joins that cluster by itself" in str(late)


@on_loop
async def test_one_that_was_asked_twice_and_one_that_promised_say_so(world: World) -> None:
    world.grow(3)
    first = world.nodes[1].ask()
    await settle()
    (again,) = await ended(world, world.nodes[1].ask())
    assert isinstance(again, Conflict) and "bootstraps already" in str(again)
    await ended(world, first)
    (promised,) = await ended(world, world.nodes[0].ask())
    assert isinstance(promised, Conflict) and "n1 bootstraps this cluster" in str(promised)
    (begun,) = await ended(world, world.nodes[1].ask())
    assert isinstance(begun, AlreadyExists)


@on_loop
async def test_who_lost_the_data_of_a_cluster_remembers_it_until_all_say_that_nothing_is_left(world: World) -> None:
    world.grow(3)
    world.nodes[0].journal.write(Entry(Stage.MEMBER, cluster=7, member=8))  # and its data are gone
    world.cut = {frozenset({"n1", "n2"}), frozenset({"n0", "n2"})}
    (refused,) = await ended(world, world.nodes[1].ask())
    assert isinstance(refused, Conflict) and "n0 lost the data of a cluster that others may have" in str(refused)
    (refused,) = await ended(world, world.nodes[0].ask())
    assert isinstance(refused, AlreadyExists)
    world.cut.clear()
    assert await ended(world, world.nodes[1].ask()) == [[]]
    assert len([each for each in world.nodes if each.journal.entry.stage is Stage.PROMISED]) == 2


def test_two_that_are_asked_at_once_become_members_of_one_cluster(hasty: Etcds) -> None:
    asyncio.run(asyncio.wait_for(ask_two(hasty), 120))


async def ask_two(hasty: Etcds) -> None:
    async with AsyncExitStack() as stack:
        one, two = [await stack.enter_async_context(each) for each in controls(hasty, ["one", "two"])]
        running = asyncio.gather(one.run(), two.run())
        await gathered(one, 1)
        await gathered(two, 1)
        asked = [bootstrap.bootstrap(each.local, each.reach, CLOCK) for each in (one, two)]
        won, lost = await asyncio.gather(*asked, return_exceptions=True)
        assert won == []
        assert isinstance(lost, Conflict) and "one bootstraps this cluster" in str(lost)
        await running
        assert sorted(each.name for each in (await two.own.members()).members) == ["one", "two"]
        with pytest.raises(AlreadyExists):
            await bootstrap.bootstrap(two.local, two.reach, CLOCK)


@on_loop
async def test_whoever_runs_etcd_is_named_with_its_cluster(etcds: Etcds) -> None:
    async with AsyncExitStack() as stack:
        one, two = [await stack.enter_async_context(each) for each in controls(etcds, ["one", "two"])]
        one.member.start([f"one={one.member.peer_urls[0]}"], new=True)
        await serving(one)
        cluster = (await one.own.status()).header.cluster_id
        with pytest.raises(Conflict, match=f"{one.member.address}:2379 runs etcd, cluster {cluster:016x}"):
            await bootstrap.bootstrap(two.local, two.reach, CLOCK)
        assert two.local.journal.entry == Entry()
