"""The store itself: the conformance suite, and everything about writing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from core.base.errors import AlreadyExists, Invalid, NotFound
from core.state import (
    EVERYTHING,
    Event,
    Kind,
    Op,
    OwnerConflict,
    PendingFinalizers,
    Phase,
    PhaseConflict,
    Query,
    Registry,
    Resource,
    Store,
    Term,
    VersionConflict,
    Watch,
)
from core.state.meta import Namespace, ResourceDefinition
from tests.state.conformance import Conformance, OtherThing, Seen, SeenEvent, Subject, Thing, put
from tests.support.clock import FakeClock


def make() -> Store:
    return Store(Registry(Thing.definition, OtherThing.definition), FakeClock(), {"elsewhere": "Elsewhere."})


class _Stream:
    def __init__(self, watch: Watch[Thing]) -> None:
        self._watch = watch

    async def take(self, count: int) -> list[SeenEvent]:
        return [_event(await anext(self._watch)) for _ in range(count)]


class _Direct:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, name: str) -> Seen:
        return _seen(self._store.get(Thing.at(name)))

    async def list(self, query: Query = EVERYTHING) -> list[Seen]:
        return [_seen(r) for r in self._store.list(Thing.all(), query)]

    @asynccontextmanager
    async def watch(self, query: Query = EVERYTHING, *, name: str | None = None, **how: Any) -> AsyncIterator[_Stream]:
        with self._store.follow(Thing.at(name)) if name else self._store.watch(Thing.all(), query, **how) as watch:
            yield _Stream(watch)


def _seen(r: Resource[Thing]) -> Seen:
    return Seen(r.md.id, r.md.version, r.spec.text, r.md.phase.value)


def _event(event: Event[Thing]) -> SeenEvent:
    # a watch of one says DESTROYED without a resource when there is none; there is only one it can mean
    now = _seen(event.resource) if event.resource else Seen("a", 0, "") if event.change.name == "DESTROYED" else None
    return SeenEvent(event.change.name, now, _seen(event.old) if event.old else None, event.bookmark)


class TestStore(Conformance):
    @pytest.fixture
    def subject(self) -> Subject:
        @asynccontextmanager
        async def opened() -> AsyncIterator[tuple[Store, _Direct]]:
            store = make()
            yield store, _Direct(store)

        return opened


def test_create_twice() -> None:
    store = make()
    put(store, "a")
    with pytest.raises(AlreadyExists):
        store.create(Resource.of("a", Thing()))


def test_times_are_the_clocks() -> None:
    clock = FakeClock(now=1000.0)
    store = Store(Registry(Thing.definition), clock)
    created = put(store, "a")
    clock.step(5)
    changed = put(store, "a", "new")
    assert (created.md.created, created.md.updated) == (1000.0, 1000.0)
    assert (changed.md.created, changed.md.updated) == (1000.0, 1005.0)


def test_update_of_an_old_version() -> None:
    store = make()
    old = put(store, "a", "one")
    put(store, "a", "two")
    with pytest.raises(VersionConflict):
        store.update(old.with_spec(Thing(text="three")))
    assert store.get(Thing.at("a")).spec.text == "two"


def test_update_that_changes_nothing_is_no_event() -> None:
    store = make()
    put(store, "a", "same")
    watch = store.watch(Thing.all())
    assert put(store, "a", "same").md.version == 1
    assert watch.pending() == []


def test_update_of_nothing() -> None:
    store = make()
    with pytest.raises(NotFound):
        store.update(Resource.of("a", Thing()))


def test_only_the_owner_writes() -> None:
    store = make()
    mine = store.create(Resource.of("a", Thing()), owner="me")
    for owner in ("", "you"):
        with pytest.raises(OwnerConflict):
            store.update(mine.with_spec(Thing(text="x")), owner=owner)
        with pytest.raises(OwnerConflict):
            store.teardown(Thing.at("a"), owner=owner)
        with pytest.raises(OwnerConflict):
            store.destroy(Thing.at("a"), owner=owner)
    assert store.update(mine.with_spec(Thing(text="x")), owner="me").md.owner == "me"
    store.destroy(Thing.at("a"), owner="me")


def test_what_is_torn_down_is_no_longer_changed() -> None:
    store = make()
    put(store, "a")
    store.teardown(Thing.at("a"))
    with pytest.raises(PhaseConflict):
        put(store, "a", "late")
    down = store.get(Thing.at("a"))
    assert store.update(down.with_spec(Thing(text="late")), phase=None).spec.text == "late"


def test_finalizers_keep_it_until_they_are_gone() -> None:
    store = make()
    put(store, "a")
    store.hold(Thing.at("a"), "x")
    store.hold(Thing.at("a"), "x")
    store.hold(Thing.at("a"), "y")
    assert not store.teardown(Thing.at("a"))
    with pytest.raises(PendingFinalizers, match="x, y"):
        store.destroy(Thing.at("a"))
    with pytest.raises(PhaseConflict):
        store.hold(Thing.at("a"), "late")
    store.release(Thing.at("a"), "x")
    store.release(Thing.at("a"), "never held")
    assert not store.teardown(Thing.at("a"))
    store.release(Thing.at("a"), "y")
    assert store.teardown(Thing.at("a"))
    store.destroy(Thing.at("a"))
    store.release(Thing.at("a"), "y")
    assert store.find(Thing.at("a")) is None


def test_a_new_life_begins_with_version_one() -> None:
    store = make()
    put(store, "a")
    put(store, "a", "two")
    store.destroy(Thing.at("a"))
    assert put(store, "a").md.version == 1


def test_unknown_types_are_refused() -> None:
    store = Store(Registry(Thing.definition), FakeClock())
    with pytest.raises(NotFound):
        store.create(Resource.of("a", OtherThing()))
    with pytest.raises(NotFound):
        store.watch(OtherThing.all())
    assert store.list(OtherThing.all()) == []


def test_namespaces_do_not_meet() -> None:
    store = make()
    store.create(Resource.of("a", Thing(text="there"), namespace="elsewhere"))
    assert store.find(Thing.at("a")) is None
    assert store.get(Thing.at("a", "elsewhere")).spec.text == "there"
    assert [r.md.id for r in store.list(Thing.all("elsewhere"))] == ["a"]


def test_the_store_describes_itself() -> None:
    store = make()
    assert [r.md.id for r in store.list(Namespace.all())] == ["elsewhere", "meta", "test"]
    assert {r.md.id for r in store.list(ResourceDefinition.all())} == {
        "things.test.ichor.dev",
        "otherthings.test.ichor.dev",
        "namespaces.meta.cosi.dev",
        "resourcedefinitions.meta.cosi.dev",
    }
    with pytest.raises(OwnerConflict):
        store.destroy(Namespace.at("test"))


def test_listeners_hear_everything_until_they_stop() -> None:
    store = make()
    heard: list[str] = []
    stop = store.subscribe(lambda event: heard.append(event.change.name))
    put(store, "a")
    store.teardown(Thing.at("a"))
    stop()
    store.destroy(Thing.at("a"))
    assert heard == ["CREATED", "UPDATED"]


def test_a_closed_watch_leaves_nothing_behind() -> None:
    store = make()
    with store.watch(Thing.all()):
        pass
    kind: Kind[Any] = Thing.all()
    assert not store._kinds[kind].wakers


def test_phase_and_version_are_the_stores_own() -> None:
    store = make()
    odd = Resource.of("a", Thing())
    odd = Resource(replace(odd.md, version=7, phase=Phase.TEARING_DOWN, owner="x"), odd.spec)
    made = store.create(odd).md
    assert (made.version, made.phase, made.owner) == (1, Phase.RUNNING, "")


def test_numbers_that_are_none_match_nothing() -> None:
    store = make()
    for name, size in (("a", "9" * 5000), ("b", "many"), ("c", "1")):
        put(store, name, size=size)
    for against in ("2", "9" * 5000, "x"):
        found = store.list(Thing.all(), Query(((Term("size", Op.LT_NUMERIC, (against,)),),)))
        assert [r.md.id for r in found] == (["c"] if against == "2" else [])


def test_a_broken_pattern_is_refused() -> None:
    with pytest.raises(Invalid):
        Query.ids("(")
