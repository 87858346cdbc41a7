"""What every way to read a store must do. A subject is a store to write to and a reader to read it back by: the store
itself, or a client at the other end of a wire. Subclass, give `subject`, and pytest runs all of it."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

import pytest
from msgspec.structs import replace

from core.base.errors import Conflict, NotFound
from core.state import EVERYTHING, Op, Overrun, Query, Resource, Spec, Store, Term, resource
from core.state.events import GAP, HISTORY
from tests.support.clock import on_loop


@resource("Things.test.ichor.dev", "test")
class Thing(Spec, frozen=True):
    """A spec to test with."""

    text: str = ""
    size: int = 0


@resource("OtherThings.test.ichor.dev", "test")
class OtherThing(Spec, frozen=True):
    """Another one."""

    of: str = ""


@dataclass(frozen=True)
class Seen:
    """A resource as a reader shows it."""

    id: str
    version: int
    text: str
    phase: str = "running"


@dataclass(frozen=True)
class SeenEvent:
    """An event as a reader shows it."""

    change: str
    now: Seen | None = None
    old: Seen | None = None
    bookmark: bytes = b""

    def __str__(self) -> str:
        return f"{self.change} {self.now.id if self.now else ''}".strip()


class Stream(Protocol):
    """An open watch."""

    async def take(self, count: int) -> list[SeenEvent]: ...


class Reader(Protocol):
    """A way to read things."""

    async def get(self, name: str) -> Seen: ...
    async def list(self, query: Query = EVERYTHING) -> list[Seen]: ...
    def watch(
        self,
        query: Query = EVERYTHING,
        *,
        name: str | None = None,
        bootstrap: bool = False,
        bookmark: bool = False,
        start: bytes | None = None,
        tail: int = 0,
    ) -> AbstractAsyncContextManager[Stream]: ...


def put(store: Store, name: str, text: str = "", **labels: str) -> Resource[Thing]:
    """Create or change."""
    current = store.find(Thing.at(name))
    if current is None:
        return store.create(Resource.of(name, Thing(text=text), labels=labels))
    return store.update(Resource(replace(current.md, labels=labels), Thing(text=text)))


def drop(store: Store, name: str) -> None:
    store.teardown(Thing.at(name))
    store.destroy(Thing.at(name))


Subject = Callable[[], AbstractAsyncContextManager[tuple[Store, Reader]]]


class Conformance:
    """The suite."""

    @pytest.fixture
    def subject(self) -> Subject:
        raise NotImplementedError

    @on_loop
    async def test_get_returns_what_was_created(self, subject: Subject) -> None:
        async with subject() as (store, reader):
            put(store, "a", "one")
            assert await reader.get("a") == Seen("a", 1, "one")
            put(store, "a", "two")
            assert await reader.get("a") == Seen("a", 2, "two")

    @on_loop
    async def test_get_of_nothing(self, subject: Subject) -> None:
        async with subject() as (_, reader):
            with pytest.raises(NotFound):
                await reader.get("a")

    @on_loop
    async def test_list_is_ordered_by_id(self, subject: Subject) -> None:
        async with subject() as (store, reader):
            assert await reader.list() == []
            for name in "cab":
                put(store, name)
            assert [seen.id for seen in await reader.list()] == ["a", "b", "c"]

    @pytest.mark.parametrize(
        ("term", "found"),
        [
            (Term("size"), "abc"),
            (Term("size", invert=True), "d"),
            (Term("size", Op.EQUAL, ("10",)), "b"),
            (Term("size", Op.IN, ("10", "9")), "ab"),
            (Term("size", Op.LT, ("9",)), "bc"),
            (Term("size", Op.LTE, ("9",)), "abc"),
            (Term("size", Op.LT_NUMERIC, ("10",)), "a"),
            (Term("size", Op.LTE_NUMERIC, ("10",)), "ab"),
            (Term("size", Op.LTE_NUMERIC, ("10",), invert=True), "cd"),
            (Term("none"), ""),
        ],
        ids=str,
    )
    @on_loop
    async def test_label_terms(self, subject: Subject, term: Term, found: str) -> None:
        async with subject() as (store, reader):
            for name, size in (("a", "9"), ("b", "10"), ("c", "1k")):
                put(store, name, size=size)
            put(store, "d")
            assert "".join(seen.id for seen in await reader.list(Query(((term,),)))) == found

    @on_loop
    async def test_terms_are_all_and_queries_are_any(self, subject: Subject) -> None:
        async with subject() as (store, reader):
            put(store, "a", x="1", y="1")
            put(store, "b", x="1")
            put(store, "c", z="1")
            both, either = Query(((Term("x"), Term("y")),)), Query(((Term("y"),), (Term("z"),)))
            assert [seen.id for seen in await reader.list(both)] == ["a"]
            assert [seen.id for seen in await reader.list(either)] == ["a", "c"]

    @on_loop
    async def test_ids_match_a_pattern(self, subject: Subject) -> None:
        async with subject() as (store, reader):
            for name in ("eth0", "eth1", "lo"):
                put(store, name)
            query = Query.ids("^eth")
            assert [seen.id for seen in await reader.list(query)] == ["eth0", "eth1"]

    @on_loop
    async def test_watch_tells_everything_in_order(self, subject: Subject) -> None:
        async with subject() as (store, reader):
            put(store, "before")
            async with reader.watch() as stream:
                put(store, "a", "one")
                put(store, "a", "two")
                store.teardown(Thing.at("a"))
                store.destroy(Thing.at("a"))
                created, updated, down, gone = await stream.take(4)
            assert (created.change, created.now, created.old) == ("CREATED", Seen("a", 1, "one"), None)
            assert (updated.now, updated.old) == (Seen("a", 2, "two"), Seen("a", 1, "one"))
            assert (down.change, down.now) == ("UPDATED", Seen("a", 3, "two", "tearingDown"))
            assert (gone.change, gone.now) == ("DESTROYED", Seen("a", 3, "two", "tearingDown"))

    @on_loop
    async def test_bootstrap_then_live(self, subject: Subject) -> None:
        async with subject() as (store, reader):
            put(store, "b")
            put(store, "a")
            async with reader.watch(bootstrap=True) as stream:
                put(store, "c")
                events = await stream.take(4)
            assert list(map(str, events)) == ["CREATED a", "CREATED b", "BOOTSTRAPPED", "CREATED c"]
            assert events[2].bookmark

    @on_loop
    async def test_a_bookmark_goes_on_without_a_gap(self, subject: Subject) -> None:
        async with subject() as (store, reader):
            async with reader.watch(bookmark=True) as stream:
                start = (await stream.take(1))[0]
                assert start.change == "NOOP"
                put(store, "a")
                put(store, "b")
                first = await stream.take(1)
            put(store, "c")
            for bookmark, names in ((start.bookmark, "abc"), (first[0].bookmark, "bc")):
                async with reader.watch(start=bookmark) as stream:
                    assert [str(e) for e in await stream.take(len(names))] == [f"CREATED {n}" for n in names]

    @on_loop
    async def test_a_bookmark_from_another_life_is_refused(self, subject: Subject) -> None:
        async with subject() as (store, reader), subject() as (_, other):
            put(store, "a")
            async with reader.watch(bookmark=True) as stream:
                bookmark = (await stream.take(1))[0].bookmark
            for wrong in (bookmark, b"", b"nonsense"):
                with pytest.raises(Conflict):
                    async with other.watch(start=wrong) as stream:
                        await stream.take(1)

    @on_loop
    async def test_a_bookmark_grows_too_old(self, subject: Subject) -> None:
        async with subject() as (store, reader):
            async with reader.watch(bookmark=True) as stream:
                start = (await stream.take(1))[0].bookmark
            for n in range(HISTORY - GAP):
                put(store, "a", str(n))
            async with reader.watch(start=start) as stream:
                assert len(await stream.take(HISTORY - GAP)) == HISTORY - GAP
            put(store, "a", "one too many")
            with pytest.raises(Conflict):
                async with reader.watch(start=start) as stream:
                    await stream.take(1)

    @on_loop
    async def test_tail(self, subject: Subject) -> None:
        async with subject() as (store, reader):
            for name in "abc":
                put(store, name)
            async with reader.watch(tail=2) as stream:
                assert list(map(str, await stream.take(2))) == ["CREATED b", "CREATED c"]
            async with reader.watch(tail=99) as stream:
                assert list(map(str, await stream.take(3))) == ["CREATED a", "CREATED b", "CREATED c"]

    @on_loop
    async def test_an_update_lets_a_resource_appear_and_vanish(self, subject: Subject) -> None:
        async with subject() as (store, reader), reader.watch(Query.where(on="1")) as stream:
            put(store, "a")
            put(store, "a", on="1")
            put(store, "a", "more", on="1")
            put(store, "a")
            put(store, "a", "unseen")
            put(store, "b", on="1")
            events = await stream.take(4)
            assert list(map(str, events)) == ["CREATED a", "UPDATED a", "DESTROYED a", "CREATED b"]
            assert events[2].now == Seen("a", 3, "more")

    @on_loop
    async def test_watch_of_one(self, subject: Subject) -> None:
        async with subject() as (store, reader):
            async with reader.watch(name="a") as stream:
                put(store, "b")
                put(store, "a")
                assert list(map(str, await stream.take(2))) == ["DESTROYED a", "CREATED a"]
            async with reader.watch(name="a") as stream:
                drop(store, "b")
                drop(store, "a")
                events = await stream.take(3)
            assert list(map(str, events)) == ["CREATED a", "UPDATED a", "DESTROYED a"]

    @on_loop
    async def test_a_watcher_left_behind_is_told(self, subject: Subject) -> None:
        async with subject() as (store, reader), reader.watch() as stream:
            for n in range(HISTORY + 1):
                put(store, "a", str(n))
            with pytest.raises(Overrun):
                await stream.take(1)
