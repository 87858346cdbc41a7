"""The one place where state lives: typed resources in memory, changed by version and owner, followed by watches.

Synchronous and single-threaded: what happens between two awaits of a caller is atomic. Versions and bookmarks start
anew with each store, under a new epoch. Unknown types are refused."""

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from msgspec.structs import replace

from core.base.clock import Clock
from core.base.errors import AlreadyExists, NotFound
from core.state import meta
from core.state.definition import Registry
from core.state.errors import OwnerConflict, PendingFinalizers, PhaseConflict, VersionConflict
from core.state.events import Change, Event, History
from core.state.metadata import Kind, Phase, Pointer
from core.state.query import EVERYTHING, Query
from core.state.resource import Resource, Spec
from core.state.watch import Watch

S = TypeVar("S", bound=Spec)


class Store:
    """Resources of the registry's types. `descriptions` are texts for namespaces beyond the types' default ones."""

    def __init__(self, registry: Registry, clock: Clock, descriptions: Mapping[str, str] | None = None) -> None:
        self.registry = Registry(meta.Namespace.definition, meta.ResourceDefinition.definition, *registry)
        self._clock = clock
        self._epoch = os.urandom(8)
        self._kinds: dict[Kind[Any], _Collection] = {}
        self._listeners: set[Callable[[Event[Any]], None]] = set()
        for definition in self.registry:
            self.create(meta.describe(definition), owner=meta.OWNER)
        texts = dict.fromkeys(self.registry.namespaces(), "") | dict(descriptions or {})
        for name, text in sorted(texts.items()):
            self.create(Resource.of(name, meta.Namespace(description=text)), owner=meta.OWNER)

    def find(self, pointer: Pointer[S]) -> Resource[S] | None:
        """The resource, or None."""
        collection = self._kinds.get(pointer.kind)
        return None if collection is None else collection.resources.get(pointer.id)

    def get(self, pointer: Pointer[S]) -> Resource[S]:
        """The resource. Raises NotFound."""
        found = self.find(pointer)
        if found is None:
            raise NotFound(f"resource {pointer} does not exist")
        return found

    def list(self, kind: Kind[S], query: Query = EVERYTHING) -> list[Resource[S]]:
        """What matches, by id."""
        collection = self._kinds.get(kind)
        if collection is None:
            return []
        return [r for _, r in sorted(collection.resources.items()) if query.matches(r.md)]

    def watch(
        self,
        target: Kind[S],
        query: Query = EVERYTHING,
        *,
        bootstrap: bool = False,
        bookmark: bool = False,
        start: bytes | None = None,
        tail: int = 0,
    ) -> Watch[S]:
        """Follow a kind from now on. `bootstrap`: first CREATED for all that is there, then BOOTSTRAPPED; `bookmark`:
        first a NOOP with a bookmark; `start`: after that bookmark (else InvalidBookmark); `tail`: that many back."""
        collection = self._collection(target)
        history, position, first = collection.history, collection.history.end, []
        if start is not None:
            position = history.after(start)
        elif tail > 0:
            position = history.tail(tail)
        here = history.bookmark(history.end - 1)
        if bootstrap:
            first = [Event(Change.CREATED, r) for r in self.list(target, query)]
            first.append(Event(Change.BOOTSTRAPPED, bookmark=here))
        elif bookmark:
            first.append(Event(Change.NOOP, bookmark=here))
        return Watch(history, collection.wakers, query.matches, position, first)

    def follow(self, pointer: Pointer[S], *, start: bytes | None = None, tail: int = 0) -> Watch[S]:
        """Follow one resource. Unless told where to start, first CREATED or DESTROYED for how it stands now."""
        collection = self._collection(pointer.kind)
        history, position, first = collection.history, collection.history.end, []
        if start is not None:
            position = history.after(start)
        elif tail > 0:
            position = history.tail(tail)
        else:
            here, found = history.bookmark(history.end - 1), self.find(pointer)
            change = Change.CREATED if found is not None else Change.DESTROYED
            first.append(Event(change, found, bookmark=here))
        return Watch(history, collection.wakers, lambda md: md.id == pointer.id, position, first)

    def subscribe(self, listener: Callable[[Event[Any]], None]) -> Callable[[], None]:
        """Call `listener` with every event as it happens; the answer ends that. It must not raise or write."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def create(self, resource: Resource[S], owner: str = "") -> Resource[S]:
        """Add it with version 1. Raises AlreadyExists."""
        pointer = resource.md.pointer
        collection = self._collection(pointer.kind)
        if pointer.id in collection.resources:
            raise AlreadyExists(f"resource {pointer} exists")
        now = self._clock.now()
        md = replace(resource.md, version=1, phase=Phase.RUNNING, owner=owner, created=now, updated=now)
        return self._put(collection, Resource(md, resource.spec), None)

    def update(self, resource: Resource[S], owner: str = "", phase: Phase | None = Phase.RUNNING) -> Resource[S]:
        """Replace spec, labels, annotations, finalizers and phase of what stands at the same version; nothing happens
        if they are equal. `phase` is the one it must be in (None: any). Raises NotFound and the Conflicts."""
        current = self.get(resource.md.pointer)
        _check_owner(current, owner)
        if phase is not None and current.md.phase is not phase:
            raise PhaseConflict(f"resource {current.md.pointer} is {current.md.phase}, not {phase}")
        if current.md.version != resource.md.version:
            raise VersionConflict(
                f"resource {current.md.pointer} is at version {current.md.version}, not {resource.md.version}"
            )
        md = replace(resource.md, owner=current.md.owner, created=current.md.created, updated=current.md.updated)
        if Resource(md, resource.spec) == current:
            return current
        return self._replace(current, Resource(md, resource.spec))

    def teardown(self, pointer: Pointer[Any], owner: str = "") -> bool:
        """Begin its end; whether it can be destroyed now. Raises NotFound, OwnerConflict."""
        current = self.get(pointer)
        _check_owner(current, owner)
        if not current.md.tearing_down:
            current = self._replace(current, Resource(replace(current.md, phase=Phase.TEARING_DOWN), current.spec))
        return current.md.destroy_ready

    def destroy(self, pointer: Pointer[Any], owner: str = "") -> None:
        """Remove it. Raises NotFound, OwnerConflict, PendingFinalizers."""
        current = self.get(pointer)
        _check_owner(current, owner)
        if current.md.finalizers:
            raise PendingFinalizers(f"resource {pointer} is held by {', '.join(current.md.finalizers)}")
        collection = self._collection(pointer.kind)
        del collection.resources[pointer.id]
        self._publish(collection, collection.history.append(Change.DESTROYED, current))

    def hold(self, pointer: Pointer[Any], finalizer: str) -> None:
        """Keep it from being destroyed. Anybody may; raises NotFound, and PhaseConflict if its end has begun."""
        current = self.get(pointer)
        if finalizer in current.md.finalizers:
            return
        if current.md.tearing_down:
            raise PhaseConflict(f"resource {pointer} is being torn down")
        md = replace(current.md, finalizers=(*current.md.finalizers, finalizer))
        self._replace(current, Resource(md, current.spec))

    def release(self, pointer: Pointer[Any], finalizer: str) -> None:
        """Let go of it; nothing happens if it was not held or is gone."""
        current = self.find(pointer)
        if current is not None and finalizer in current.md.finalizers:
            md = replace(current.md, finalizers=tuple(f for f in current.md.finalizers if f != finalizer))
            self._replace(current, Resource(md, current.spec))

    def _replace(self, current: Resource[S], changed: Resource[S]) -> Resource[S]:
        md = replace(changed.md, version=current.md.version + 1, updated=self._clock.now())
        return self._put(self._collection(md.pointer.kind), Resource(md, changed.spec), current)

    def _put(self, collection: "_Collection", resource: Resource[S], old: Resource[S] | None) -> Resource[S]:
        collection.resources[resource.md.id] = resource
        change = Change.CREATED if old is None else Change.UPDATED
        self._publish(collection, collection.history.append(change, resource, old))
        return resource

    def _publish(self, collection: "_Collection", event: Event[Any]) -> None:
        for wake in tuple(collection.wakers):
            wake()
        for listener in tuple(self._listeners):
            listener(event)

    def _collection(self, kind: Kind[Any]) -> "_Collection":
        found = self._kinds.get(kind)
        if found is None:
            self.registry[kind.type]  # refuses unknown types
            found = self._kinds[kind] = _Collection(self._epoch)
        return found


class _Collection:
    """One kind: its resources by id, its history and who is woken when that grows."""

    __slots__ = ("history", "resources", "wakers")

    def __init__(self, epoch: bytes) -> None:
        self.resources: dict[str, Resource[Any]] = {}
        self.history = History(epoch)
        self.wakers: set[Callable[[], None]] = set()


def _check_owner(current: Resource[Any], owner: str) -> None:
    if current.md.owner != owner:
        raise OwnerConflict(f"resource {current.md.pointer} is owned by {current.md.owner or 'nobody'!r}")
