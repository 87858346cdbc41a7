"""The controller runtime: waking, folding, failing, ending; what a controller may touch."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from core.base.errors import AlreadyExists, Conflict, NotFound
from core.state import (
    Controller,
    Input,
    Output,
    Registry,
    Resource,
    Runtime,
    Scope,
    Store,
    destroy_ready,
    exclusive,
    shared,
    weak,
)
from core.state.runtime import FIRST_SECONDS
from tests.state.conformance import OtherThing, Thing, put
from tests.support.clock import FakeClock, on_loop, settle


class Counted(Controller):
    """Counts its calls and does what it is told."""

    def __init__(
        self,
        name: str,
        inputs: tuple[Input, ...] = (),
        outputs: tuple[Output, ...] = (),
        act: Callable[[Scope], Awaitable[None]] | None = None,
    ) -> None:
        self.name, self.inputs, self.outputs = name, inputs, outputs
        self.calls, self._act = 0, act

    async def reconcile(self, scope: Scope) -> None:
        self.calls += 1
        if self._act is not None:
            await self._act(scope)


class House:
    """A store, a runtime, a clock."""

    def __init__(self, *controllers: Controller) -> None:
        self.clock = FakeClock()
        self.store = Store(Registry(Thing.definition, OtherThing.definition), self.clock, {"elsewhere": ""})
        self.runtime = Runtime(self.store, self.clock)
        for controller in controllers:
            self.runtime.register(controller)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.runtime.run())
        await settle()
        try:
            yield
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()


@on_loop
async def test_called_once_at_the_start() -> None:
    controller = Counted("one", (weak(Thing),))
    async with House(controller).running():
        assert controller.calls == 1


@on_loop
async def test_many_changes_are_one_call() -> None:
    controller = Counted("one", (weak(Thing),))
    house = House(controller)
    async with house.running():
        for n in range(100):
            put(house.store, str(n))
        await settle()
        assert controller.calls == 2


@on_loop
async def test_changes_during_a_call_are_one_more() -> None:
    gate = asyncio.Event()

    async def wait(scope: Scope) -> None:
        await gate.wait()

    controller = Counted("one", (weak(Thing),), act=wait)
    house = House(controller)
    async with house.running():
        put(house.store, "a")
        await settle()
        put(house.store, "b")
        await settle()
        assert controller.calls == 1
        gate.set()
        await settle()
        assert controller.calls == 2


@on_loop
async def test_only_declared_inputs_wake() -> None:
    one, kind, other = (
        Counted("one", (weak(Thing.at("a")),)),
        Counted("elsewhere", (weak(Thing.all("elsewhere")),)),
        Counted("other", (weak(OtherThing),)),
    )
    house = House(one, kind, other)
    async with house.running():
        put(house.store, "b")
        await settle()
        assert (one.calls, kind.calls, other.calls) == (1, 1, 1)
        put(house.store, "a")
        await settle()
        assert (one.calls, kind.calls, other.calls) == (2, 1, 1)


@on_loop
async def test_destroy_ready_wakes_only_when_it_is() -> None:
    controller = Counted("one", (destroy_ready(Thing),))
    house = House(controller)
    async with house.running():
        put(house.store, "a")
        house.store.hold(Thing.at("a"), "x")
        house.store.teardown(Thing.at("a"))
        await settle()
        assert controller.calls == 1
        house.store.release(Thing.at("a"), "x")
        await settle()
        assert controller.calls == 2


@on_loop
async def test_a_failure_is_retried_after_a_growing_delay() -> None:
    async def fail(scope: Scope) -> None:
        raise OSError(5, "broken")

    controller = Counted("bad", act=fail)
    house = House(controller)
    async with house.running():
        delays = []
        for _ in range(8):
            (delay,) = house.clock.sleeping
            delays.append(round(delay, 3))
            await house.clock.advance(delay)
        assert delays == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
        assert controller.calls == 9


@on_loop
async def test_success_forgets_the_failures() -> None:
    broken = True

    async def act(scope: Scope) -> None:
        if broken:
            raise OSError(5, "broken")

    controller = Counted("one", (weak(Thing),), act=act)
    house = House(controller)
    async with house.running():
        await house.clock.advance(1)
        broken = False
        await house.clock.advance(5)
        assert house.clock.sleeping == []
        broken = True
        put(house.store, "a")
        await settle()
        assert [round(s, 3) for s in house.clock.sleeping] == [0.1]


@on_loop
async def test_a_failing_controller_stops_no_other() -> None:
    async def fail(scope: Scope) -> None:
        raise ZeroDivisionError("a bug")

    bad, good = Counted("bad", (weak(Thing),), act=fail), Counted("good", (weak(Thing),))
    house = House(bad, good)
    async with house.running():
        put(house.store, "a")
        await settle()
        assert (bad.calls, good.calls) == (1, 2)
        await house.clock.advance(0.1)
        assert (bad.calls, good.calls) == (2, 2)


@on_loop
async def test_a_failure_is_logged_when_it_is_news(caplog: pytest.LogCaptureFixture) -> None:
    text = "first"

    async def act(scope: Scope) -> None:
        if text:
            raise OSError(5, text)

    house = House(Counted("bad", act=act))
    with caplog.at_level(logging.INFO, "controller"):
        async with house.running():
            await house.clock.advance(2)
            text = "second"
            await house.clock.advance(4)
            text = ""
            await house.clock.advance(6)
    said = [record.getMessage() for record in caplog.records]
    assert [("first" in s, "second" in s, "well again" in s) for s in said] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
    ]


@on_loop
async def test_later_wakes_once_and_is_asked_anew() -> None:
    async def later(scope: Scope) -> None:
        scope.later(60)
        scope.later(10)

    controller = Counted("one", (weak(Thing),), act=later)
    house = House(controller)
    async with house.running():
        await house.clock.advance(9)
        assert controller.calls == 1
        put(house.store, "a")
        await settle()
        assert controller.calls == 2
        await house.clock.advance(9)
        assert controller.calls == 2
        await house.clock.advance(1)
        assert controller.calls == 3


class Working(Controller):
    """Wakes itself from outside; fails once."""

    name = "working"

    def __init__(self) -> None:
        self.calls, self.starts = 0, 0
        self.outside: asyncio.Queue[str] = asyncio.Queue()

    async def reconcile(self, scope: Scope) -> None:
        self.calls += 1

    async def work(self, scope: Scope) -> None:
        self.starts += 1
        while (said := await self.outside.get()) != "stop":
            if said == "fail":
                raise OSError(5, "cut off")
            scope.wake()


@on_loop
async def test_work_wakes_and_is_restarted() -> None:
    controller = Working()
    house = House(controller)
    async with house.running():
        controller.outside.put_nowait("wake")
        await settle()
        assert controller.calls == 2
        controller.outside.put_nowait("fail")
        await house.clock.advance(0.1)
        assert controller.starts == 2
        controller.outside.put_nowait("wake")
        await settle()
        assert controller.calls == 3
        controller.outside.put_nowait("stop")
        await house.clock.advance(100)
        assert controller.starts == 2


@on_loop
async def test_cancelling_ends_a_call_in_the_middle() -> None:
    ended: list[str] = []

    async def hang(scope: Scope) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(scope.name)

    async with House(Counted("a", act=hang), Counted("b", act=hang)).running():
        pass
    assert sorted(ended) == ["a", "b"]


def test_one_writer_per_type() -> None:
    house = House(Counted("a", outputs=(exclusive(Thing),)))
    for claim in (exclusive(Thing), shared(Thing)):
        with pytest.raises(Conflict, match="which a writes"):
            house.runtime.register(Counted("b", outputs=(claim,)))
    house.runtime.register(Counted("c", outputs=(shared(OtherThing),)))
    house.runtime.register(Counted("d", outputs=(shared(OtherThing),)))
    with pytest.raises(Conflict):
        house.runtime.register(Counted("e", outputs=(exclusive(OtherThing),)))
    assert [c.name for c in house.runtime.controllers] == ["a", "c", "d"]


def test_a_name_is_registered_once() -> None:
    house = House(Counted("a"))
    with pytest.raises(AlreadyExists):
        house.runtime.register(Counted("a"))


def test_unknown_types_are_refused() -> None:
    clock = FakeClock()
    runtime = Runtime(Store(Registry(Thing.definition), clock), clock)
    with pytest.raises(NotFound):
        runtime.register(Counted("a", (weak(OtherThing),)))
    with pytest.raises(NotFound):
        runtime.register(Counted("a", outputs=(exclusive(OtherThing),)))
    assert runtime.controllers == []


@on_loop
async def test_an_owner_is_woken_to_finish_what_it_began() -> None:
    wanted: dict[str, Thing] = {"a": Thing()}

    async def act(scope: Scope) -> None:
        scope.sync(Thing.all(), wanted)

    house = House(Counted("one", outputs=(exclusive(Thing),), act=act, inputs=(weak(OtherThing),)))
    async with house.running():
        house.store.hold(Thing.at("a"), "user")
        wanted.clear()
        house.store.create(Resource.of("wake", OtherThing()))
        await settle()
        assert house.store.get(Thing.at("a")).md.tearing_down
        house.store.release(Thing.at("a"), "user")
        await settle()
        assert house.store.find(Thing.at("a")) is None


@on_loop
async def test_rest_comes_when_nobody_has_more_to_do() -> None:
    gate = asyncio.Event()

    async def slow(scope: Scope) -> None:
        await gate.wait()
        scope.put("made", Thing())

    maker = Counted("maker", outputs=(exclusive(Thing),), act=slow)
    reader = Counted("reader", inputs=(weak(Thing),))
    house = House(maker, reader)
    async with house.running():
        resting = asyncio.create_task(house.runtime.rested())
        await settle()
        assert (reader.calls, resting.done()) == (1, False)
        gate.set()
        await resting
        assert reader.calls == 2  # what the last one made was looked at before
        assert house.clock.sleeping == []


@on_loop
async def test_rest_does_not_wait_for_failures_or_the_world() -> None:
    async def fail(scope: Scope) -> None:
        raise OSError("no")

    async def wait(scope: Scope) -> None:
        await asyncio.Event().wait()

    house = House(Counted("failing", act=fail))
    async with house.running():
        await house.runtime.rested()
    house = House(Counted("waiting", act=wait))
    async with house.running():
        resting = asyncio.create_task(house.runtime.rested())
        await settle()
        assert not resting.done()
        await house.clock.advance(FIRST_SECONDS)
        await resting


@on_loop
async def test_what_a_controller_has_done_is_counted() -> None:
    clock_of: list[House] = []

    async def act(scope: Scope) -> None:
        await clock_of[0].clock.sleep(0.25)
        if counted.calls == 2:
            raise NotFound("once")

    counted = Counted("counted", (weak(Thing),), act=act)
    house = House(counted)
    clock_of.append(house)
    (account,) = house.runtime.accounts
    assert (account.name, account.runs, account.failures, account.asked) == ("counted", 0, 0, None)
    async with house.running():
        await house.clock.advance(0.1)
        put(house.store, "a")  # which has to wait for the rest of the first run
        assert account.asked == pytest.approx(0.1)
        await house.clock.advance(0.15)
        assert (account.runs, account.failures, account.asked) == (1, 0, None)
        assert account.waited == pytest.approx(0.15)
        await house.clock.advance(0.25)
        assert (account.runs, account.failures) == (2, 1)
        await house.clock.advance(60)
        assert (account.runs, account.failures, account.asked) == (3, 1, None)
        assert account.ran == pytest.approx(0.75)
        assert account.waited == pytest.approx(0.15)
