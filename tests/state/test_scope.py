"""A controller's view of the store: what it may touch, and how its own resources come to be what it wants."""

import pytest

from core.base.errors import Denied
from core.state import Controller, OwnerConflict, Scope, exclusive, shared, strong, weak
from tests.state.conformance import OtherThing, Thing, put
from tests.state.test_runtime import Counted, House


def scope_of(house: House, controller: Controller) -> Scope:
    return Scope(house.store, house.clock, controller)


def test_a_scope_is_what_was_declared() -> None:
    house = House()
    put(house.store, "a")
    scope = scope_of(house, Counted("c", (strong(Thing.at("a")),), (shared(OtherThing),)))
    assert scope.get(Thing.at("a")).md.id == "a"
    assert scope.list(OtherThing.all()) == []
    for refused in (
        lambda: scope.get(Thing.at("b")),
        lambda: scope.list(Thing.all()),
        lambda: scope.find(Thing.at("a", "elsewhere")),
        lambda: scope.put("a", Thing()),
        lambda: scope.remove(Thing.at("a")),
        lambda: scope.sync(Thing.all(), {}),
        lambda: scope.hold(Thing.at("b")),
    ):
        with pytest.raises(Denied):
            refused()
    scope.hold(Thing.at("a"))
    assert house.store.get(Thing.at("a")).md.finalizers == ("c",)
    scope.release(Thing.at("a"))


def test_a_weak_input_cannot_be_held() -> None:
    house = House()
    put(house.store, "a")
    with pytest.raises(Denied):
        scope_of(house, Counted("c", (weak(Thing),))).hold(Thing.at("a"))


def test_owners_keep_their_own() -> None:
    house = House()
    one = scope_of(house, Counted("one", outputs=(shared(Thing),)))
    two = scope_of(house, Counted("two", outputs=(shared(Thing),)))
    one.put("a", Thing(text="one"))
    with pytest.raises(OwnerConflict):
        two.put("a", Thing(text="two"))
    two.sync(Thing.all(), {"b": Thing(text="two")})
    one.sync(Thing.all(), {})
    assert [r.md.id for r in house.store.list(Thing.all())] == ["b"]


def test_sync_waits_for_those_who_hold() -> None:
    house = House()
    scope = scope_of(house, Counted("one", outputs=(exclusive(Thing),)))
    scope.sync(Thing.all(), {"a": Thing(text="old"), "b": Thing()}, labels=lambda name: {"is": name})
    assert house.store.get(Thing.at("a")).md.labels == {"is": "a"}
    house.store.hold(Thing.at("a"), "user")
    scope.sync(Thing.all(), {"b": Thing()})
    assert house.store.get(Thing.at("a")).md.tearing_down
    scope.sync(Thing.all(), {"a": Thing(text="new"), "b": Thing()})
    assert house.store.get(Thing.at("a")).spec.text == "old"
    house.store.release(Thing.at("a"), "user")
    scope.sync(Thing.all(), {"a": Thing(text="new"), "b": Thing()})
    assert house.store.get(Thing.at("a")).spec.text == "new"
