"""The four shapes, each from its one function."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from core.state import (
    Controller,
    Resource,
    Scope,
    apply,
    merge,
    observe,
    shared,
    transform,
    weak,
)
from tests.state.conformance import OtherThing, Thing, drop, put
from tests.state.test_runtime import House
from tests.support.clock import on_loop, settle


def others(house: House) -> dict[str, str]:
    return {r.md.id: r.spec.of for r in house.store.list(OtherThing.all())}


def copy(source: Resource[Thing], scope: Scope) -> OtherThing | None:
    return OtherThing(of=source.spec.text) if source.spec.text else None


@on_loop
async def test_transform() -> None:
    house = House(transform("copy", Thing, OtherThing, copy, rename=lambda r: r.md.id.upper()))
    async with house.running():
        put(house.store, "a", "one")
        put(house.store, "b", "two")
        put(house.store, "c")
        await settle()
        assert others(house) == {"A": "one", "B": "two"}
        put(house.store, "a", "three")
        put(house.store, "b", "")
        await settle()
        assert others(house) == {"A": "three"}
        drop(house.store, "a")
        await settle()
        assert others(house) == {}


@on_loop
async def test_transform_reads_further_inputs() -> None:
    def total(source: Resource[OtherThing], scope: Scope) -> Thing:
        return Thing(size=len(scope.list(Thing.all("elsewhere"))))

    house = House(transform("count", OtherThing, Thing, total, also=(weak(Thing.all("elsewhere")),)))
    async with house.running():
        house.store.create(Resource.of("a", OtherThing()))
        await settle()
        for name in "xy":
            house.store.create(Resource.of(name, Thing(), namespace="elsewhere"))
        await settle()
        assert house.store.get(Thing.at("a")).spec.size == 2


def join(layers: Sequence[Resource[Thing]]) -> OtherThing:
    return OtherThing(of="<".join(layer.spec.text for layer in layers))


def layered(name: str = "merge") -> Controller:
    return merge(
        name,
        Thing.all(),
        OtherThing,
        join,
        key=lambda r: r.md.id.partition("/")[2],
        order=lambda r: r.spec.size,
        output=shared(OtherThing),
    )


@on_loop
async def test_merge_by_layer() -> None:
    house = House(layered())
    async with house.running():
        for layer, size in (("config", 4), ("default", 0), ("dhcp", 3)):
            house.store.create(Resource.of(f"{layer}/eth0", Thing(text=layer, size=size)))
        house.store.create(Resource.of("default/eth1", Thing(text="default")))
        await settle()
        assert others(house) == {"eth0": "default<dhcp<config", "eth1": "default"}
        drop(house.store, "config/eth0")
        drop(house.store, "default/eth1")
        await settle()
        assert others(house) == {"eth0": "default<dhcp"}


class Kernel:
    """Something outside that holds what it is told to hold."""

    def __init__(self) -> None:
        self.has: dict[str, str] = {}
        self.refuses: set[str] = set()

    async def effect(self, r: Resource[Thing], scope: Scope) -> None:
        if r.md.id in self.refuses:
            raise OSError(22, "Invalid argument", r.md.id)
        self.has[r.md.id] = r.spec.text

    async def undo(self, r: Resource[Thing], scope: Scope) -> None:
        if r.md.id in self.refuses:
            raise OSError(16, "Device or resource busy", r.md.id)
        del self.has[r.md.id]


@on_loop
async def test_apply_and_undo() -> None:
    kernel = Kernel()
    house = House(
        apply("set", Thing, kernel.effect, kernel.undo, status=(OtherThing, lambda r: OtherThing(of=r.spec.text)))
    )
    async with house.running():
        put(house.store, "a", "one")
        await settle()
        assert kernel.has == others(house) == {"a": "one"}
        assert not house.store.teardown(Thing.at("a"))
        await settle()
        assert kernel.has == others(house) == {}
        house.store.destroy(Thing.at("a"))


@on_loop
async def test_a_status_in_use_delays_the_undoing() -> None:
    kernel = Kernel()
    house = House(apply("set", Thing, kernel.effect, kernel.undo, status=(OtherThing, lambda r: OtherThing())))
    async with house.running():
        put(house.store, "a", "one")
        await settle()
        house.store.hold(OtherThing.at("a"), "user")
        house.store.teardown(Thing.at("a"))
        await settle()
        assert kernel.has == {"a": "one"}
        house.store.release(OtherThing.at("a"), "user")
        await settle()
        assert kernel.has == {}
        assert house.store.get(Thing.at("a")).md.destroy_ready


@on_loop
async def test_one_that_fails_does_not_keep_the_others() -> None:
    kernel = Kernel()
    house = House(apply("set", Thing, kernel.effect, kernel.undo))
    async with house.running():
        kernel.refuses = {"a", "b"}
        for name in "abc":
            put(house.store, name, "x")
        await settle()
        assert kernel.has == {"c": "x"}
        kernel.refuses = set()
        await house.clock.advance(0.1)
        assert kernel.has == {"a": "x", "b": "x", "c": "x"}
        kernel.refuses = {"a"}
        for name in "abc":
            house.store.teardown(Thing.at(name))
        await settle()
        assert kernel.has == {"a": "x"}
        assert not house.store.get(Thing.at("a")).md.destroy_ready
        kernel.refuses = set()
        await house.clock.advance(0.1)
        assert kernel.has == {}


@on_loop
async def test_what_was_gone_before_it_was_applied_is_left_alone() -> None:
    kernel = Kernel()
    house = House(apply("set", Thing, kernel.effect, kernel.undo))
    put(house.store, "a")
    house.store.teardown(Thing.at("a"))
    async with house.running():
        assert kernel.has == {}
        assert house.store.get(Thing.at("a")).md.destroy_ready


@on_loop
async def test_observe() -> None:
    seen = {"a": Thing(text="one")}
    changes: asyncio.Queue[int] = asyncio.Queue()
    looks = 0

    async def look(scope: Scope) -> dict[str, Thing]:
        nonlocal looks
        looks += 1
        return dict(seen)

    async def watch() -> AsyncIterator[int]:
        while True:
            yield await changes.get()

    house = House(observe("see", Thing, look, watch))
    async with house.running():
        assert [r.md.id for r in house.store.list(Thing.all())] == ["a"]
        seen["b"] = Thing()
        del seen["a"]
        for _ in range(10):
            changes.put_nowait(1)
        await settle()
        assert [r.md.id for r in house.store.list(Thing.all())] == ["b"]
        assert looks == 2
