"""The store against the obvious model: a dict, changed by the same random steps, must answer the same, and what a watch
tells must turn the state before into the state after."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import replace

from core.base.errors import AlreadyExists, IchorError, NotFound
from core.state import (
    Change,
    OwnerConflict,
    PendingFinalizers,
    Phase,
    PhaseConflict,
    Registry,
    Resource,
    Store,
    VersionConflict,
)
from tests.state.conformance import Thing
from tests.support.clock import FakeClock

names = st.sampled_from("abc")
owners = st.sampled_from(["", "x", "y"])
texts = st.sampled_from(["one", "two", "three"])


class Entry:
    """A resource, obviously."""

    def __init__(self, text: str, owner: str) -> None:
        self.text, self.owner, self.version = text, owner, 1
        self.down = False
        self.held: set[str] = set()

    def shown(self) -> tuple[str, str, int, bool, frozenset[str]]:
        return self.text, self.owner, self.version, self.down, frozenset(self.held)


class Model(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.store = Store(Registry(Thing.definition), FakeClock())
        self.model: dict[str, Entry] = {}
        self.watch = self.store.watch(Thing.all())
        self.told: dict[str, Resource[Thing]] = {}

    def expect(self, *refusals: tuple[bool, type[IchorError]]) -> type[IchorError] | None:
        return next((error for refused, error in refusals if refused), None)

    def attempt(self, act: object, error: type[IchorError] | None) -> bool:
        assert callable(act)
        try:
            act()
        except IchorError as raised:
            assert error is type(raised), raised
            return False
        assert error is None
        return True

    @rule(name=names, owner=owners, text=texts)
    def create(self, name: str, owner: str, text: str) -> None:
        error = self.expect((name in self.model, AlreadyExists))
        if self.attempt(lambda: self.store.create(Resource.of(name, Thing(text=text)), owner), error):
            self.model[name] = Entry(text, owner)

    @rule(name=names, owner=owners, text=texts, stale=st.booleans(), phase=st.sampled_from([*Phase, None]))
    def update(self, name: str, owner: str, text: str, stale: bool, phase: Phase | None) -> None:
        entry = self.model.get(name)
        wanted = Resource.of(name, Thing(text=text))
        if entry is not None:
            current = self.store.get(Thing.at(name)).md
            wanted = Resource(replace(current, version=current.version - stale), wanted.spec)
        is_phase = Phase.TEARING_DOWN if entry and entry.down else Phase.RUNNING
        error = self.expect(
            (entry is None, NotFound),
            (entry is not None and entry.owner != owner, OwnerConflict),
            (phase not in (None, is_phase), PhaseConflict),
            (stale, VersionConflict),
        )
        if self.attempt(lambda: self.store.update(wanted, owner, phase), error) and entry and entry.text != text:
            entry.text, entry.version = text, entry.version + 1

    @rule(name=names, owner=owners)
    def tear_down(self, name: str, owner: str) -> None:
        entry = self.model.get(name)
        error = self.expect((entry is None, NotFound), (entry is not None and entry.owner != owner, OwnerConflict))
        if self.attempt(lambda: self.store.teardown(Thing.at(name), owner), error) and entry and not entry.down:
            entry.down, entry.version = True, entry.version + 1

    @rule(name=names, owner=owners)
    def destroy(self, name: str, owner: str) -> None:
        entry = self.model.get(name)
        error = self.expect(
            (entry is None, NotFound),
            (entry is not None and entry.owner != owner, OwnerConflict),
            (bool(entry and entry.held), PendingFinalizers),
        )
        if self.attempt(lambda: self.store.destroy(Thing.at(name), owner), error):
            del self.model[name]

    @rule(name=names, finalizer=owners.filter(bool))
    def hold(self, name: str, finalizer: str) -> None:
        entry = self.model.get(name)
        already = entry is not None and finalizer in entry.held
        error = self.expect((entry is None, NotFound), (bool(entry and entry.down) and not already, PhaseConflict))
        if self.attempt(lambda: self.store.hold(Thing.at(name), finalizer), error) and entry and not already:
            entry.held.add(finalizer)
            entry.version += 1

    @rule(name=names, finalizer=owners.filter(bool))
    def release(self, name: str, finalizer: str) -> None:
        self.store.release(Thing.at(name), finalizer)
        entry = self.model.get(name)
        if entry is not None and finalizer in entry.held:
            entry.held.remove(finalizer)
            entry.version += 1

    @invariant()
    def store_is_the_model(self) -> None:
        shown = {
            r.md.id: (r.spec.text, r.md.owner, r.md.version, r.md.tearing_down, frozenset(r.md.finalizers))
            for r in self.store.list(Thing.all())
        }
        assert shown == {name: entry.shown() for name, entry in self.model.items()}

    @invariant()
    def events_lead_from_before_to_now(self) -> None:
        for event in self.watch.pending():
            assert event.resource is not None
            name = event.resource.md.id
            assert event.old == (self.told.get(name) if event.change is Change.UPDATED else None)
            if event.change is Change.DESTROYED:
                assert self.told.pop(name) == event.resource
            else:
                assert (name in self.told) is (event.change is Change.UPDATED)
                self.told[name] = event.resource
        assert {r.md.id: r for r in self.store.list(Thing.all())} == self.told


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=60, stateful_step_count=40)
