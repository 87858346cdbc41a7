"""The event bus: replay, following, and going on where a dead machined stopped."""

import asyncio
import os
import signal
from collections.abc import Iterator
from itertools import count

import pytest

from core.base.errors import Exhausted, Invalid
from core.codec.xid import Xid
from core.node.events import CAPACITY, Bus, Follower, Tail
from core.rpc.pb.machine import machine_pb2 as pb
from tests.support.clock import FakeClock, on_loop, settle
from tests.support.fdtable import FdTable


@pytest.fixture
def init() -> Iterator[FdTable]:
    table = FdTable()
    yield table
    table.close()


def task(name: str) -> pb.TaskEvent:
    return pb.TaskEvent(task=name, action=pb.TaskEvent.START)


def names(events: list[pb.Event]) -> list[str]:
    return [pb.TaskEvent.FromString(event.data.value).task for event in events]


def replay(bus: Bus, tail: Tail = Tail(events=-1), actor: str = "") -> list[pb.Event]:  # noqa: B008 - immutable
    with bus.follow(tail, actor) as follower:
        return follower.pending()


def filled(init: FdTable, clock: FakeClock | None = None) -> Bus:
    bus = Bus.open(init, clock or FakeClock())
    for name in "abcde":
        bus.publish(task(name), actor_id="even" if name in "bd" else "odd")
    return bus


def test_what_an_event_carries(init: FdTable) -> None:
    bus = filled(init)
    first = replay(bus)[0]
    assert first.data.type_url == "talos/runtime/machine.TaskEvent"
    assert pb.TaskEvent.FromString(first.data.value) == task("a")
    assert first.actor_id == "odd"
    assert Xid.parse(first.id).seconds == 1_700_000_000


def test_tails(init: FdTable) -> None:
    bus = filled(init)
    every = replay(bus)
    assert names(every) == list("abcde")
    assert [e.id for e in every] == sorted(e.id for e in every)
    assert names(replay(bus, Tail(events=2))) == ["d", "e"]
    assert names(replay(bus, Tail(events=99))) == list("abcde")
    assert names(replay(bus, Tail(id=every[2].id))) == ["d", "e"]
    assert names(replay(bus, Tail(id=every[4].id))) == []
    assert names(replay(bus, Tail())) == []
    assert names(replay(bus, actor="even")) == ["b", "d"]


def test_tail_by_time(init: FdTable) -> None:
    clock = FakeClock()
    bus = filled(init, clock)
    clock.step(60)
    bus.publish(task("later"))
    assert names(replay(bus, Tail(seconds=59))) == ["later"]
    assert names(replay(bus, Tail(seconds=60))) == [*"abcde", "later"]


@pytest.mark.parametrize("wrong", [{"events": 1, "seconds": 1}, {"events": -1, "id": "x"}, {"seconds": -1}])
def test_tails_that_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(Invalid):
        Tail(**wrong)  # type: ignore[arg-type] # of several types


def test_an_id_that_is_none(init: FdTable) -> None:
    with pytest.raises(Invalid):
        filled(init).follow(Tail(id="nonsense"))


@on_loop
async def test_followers_hear_what_comes(init: FdTable) -> None:
    bus = filled(init)
    heard: dict[str, list[str]] = {"all": [], "even": []}

    async def listen(who: str, follower: Follower) -> None:
        with follower:
            async for event in follower:
                heard[who] += names([event])

    listeners = [
        asyncio.create_task(listen("all", bus.follow(Tail(events=1)))),
        asyncio.create_task(listen("even", bus.follow(actor_id="even"))),
    ]
    await settle()
    bus.publish(task("f"), "even")
    bus.publish(task("g"), "odd")
    await settle()
    assert heard == {"all": ["e", "f", "g"], "even": ["f"]}
    for listener in listeners:
        listener.cancel()
    await asyncio.wait(listeners)
    bus.publish(task("h"))
    assert heard["all"][-1] == "g"


def test_ids_go_on_in_a_new_machined_even_when_the_clock_went_back(init: FdTable) -> None:
    clock = FakeClock()
    filled(init, clock)
    clock.step(-3600)
    successor = Bus.open(init, clock)
    successor.publish(task("f"))
    every = replay(successor)
    assert names(every) == list("abcdef")
    ids = [Xid.parse(e.id) for e in every]
    assert ids == sorted(set(ids))
    assert len({xid.source for xid in ids}) == 1


def test_a_writer_that_was_killed_leaves_every_whole_event(init: FdTable) -> None:
    bus = filled(init)
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        for n in count():
            bus.publish(task(str(n)))
            if n == 100:
                os.write(tell, b"!")
    try:
        assert os.read(told, 1)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(told)
        os.close(tell)
    successor = Bus.open(init, FakeClock())
    successor.publish(task("after"))
    every = names(replay(successor))
    assert every[-1] == "after"
    numbers = [int(name) for name in every if name.isdigit()]
    assert numbers[-1] >= 100
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_follower_that_fell_behind_is_told(init: FdTable) -> None:
    bus = Bus.open(init, FakeClock())
    with bus.follow() as follower:
        for _ in range(CAPACITY // 1000):
            bus.publish(task("x" * 2000))
        with pytest.raises(Exhausted, match="were dropped"):
            follower.pending()
    assert replay(bus)
