"""A controller's view of the store: what it declared, and no more. Writes are made in the controller's name, so that
two controllers never fight over one resource."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from msgspec.structs import replace

from core.base.clock import Clock
from core.base.errors import Denied
from core.state.account import Account
from core.state.controller import Controller, Strength
from core.state.metadata import Kind, Pointer
from core.state.query import EVERYTHING, Query
from core.state.resource import Resource, Spec
from core.state.store import Store

S = TypeVar("S", bound=Spec)


class Scope:
    """Handed to `reconcile` and `work`. `alarm` is what `later` asked for, in seconds."""

    def __init__(self, store: Store, clock: Clock, controller: Controller) -> None:
        self.clock = clock
        self.name = controller.name
        self.alarm: float | None = None
        self.woken = asyncio.Event()
        self.account = Account(controller.name)
        self._store = store
        self._inputs = controller.inputs
        self._outputs = {output.type for output in controller.outputs}

    def wake(self) -> None:
        """Have `reconcile` called (again)."""
        if self.account.asked is None:
            self.account.asked = self.clock.monotonic()
        self.woken.set()

    def later(self, seconds: float) -> None:
        """Have `reconcile` called again after that time, unless something else wakes it first. Asked anew each time."""
        self.alarm = seconds if self.alarm is None else min(seconds, self.alarm)

    def get(self, pointer: Pointer[S]) -> Resource[S]:
        """The resource. Raises NotFound."""
        self._check_read(pointer.kind, pointer.id)
        return self._store.get(pointer)

    def find(self, pointer: Pointer[S]) -> Resource[S] | None:
        """The resource, or None."""
        self._check_read(pointer.kind, pointer.id)
        return self._store.find(pointer)

    def list(self, kind: Kind[S], query: Query = EVERYTHING) -> list[Resource[S]]:
        """What matches, by id."""
        self._check_read(kind, None)
        return self._store.list(kind, query)

    def put(
        self,
        id: str,  # noqa: A002 - it is the field's name
        spec: S,
        *,
        namespace: str = "",
        labels: Mapping[str, str] | None = None,
    ) -> Resource[S]:
        """Create it, or change it if it differs. Raises OwnerConflict, PhaseConflict (it is being torn down)."""
        wanted = Resource.of(id, spec, namespace=namespace, labels=labels)
        self._check_write(wanted.md.type)
        current = self._store.find(wanted.md.pointer)
        if current is None:
            return self._store.create(wanted, owner=self.name)
        md = replace(current.md, labels=wanted.md.labels)
        return self._store.update(Resource(md, spec), owner=self.name)

    def remove(self, pointer: Pointer[Any]) -> bool:
        """Tear it down, and destroy it when nobody holds it; whether it is gone. No matter if it was not there."""
        self._check_write(pointer.type)
        if self._store.find(pointer) is None:
            return True
        if not self._store.teardown(pointer, owner=self.name):
            return False
        self._store.destroy(pointer, owner=self.name)
        return True

    def sync(
        self,
        kind: Kind[S],
        wanted: Mapping[str, S],
        *,
        labels: Callable[[str], Mapping[str, str]] | None = None,
        within: Callable[[Resource[S]], bool] | None = None,
    ) -> None:
        """Let this controller's resources of `kind` be exactly these. What is held by others goes when they let go,
        and comes anew only after that. `within` limits which of its own resources this call is about."""
        self._check_write(kind.type)
        mine = [r for r in self._store.list(kind) if r.md.owner == self.name and (within is None or within(r))]
        for r in mine:
            if r.md.id not in wanted or r.md.tearing_down:
                self.remove(r.md.pointer)
        for id_, spec in wanted.items():
            current = self._store.find(Pointer[S](kind.namespace, kind.type, id_))
            if current is None or not current.md.tearing_down:
                self.put(id_, spec, namespace=kind.namespace, labels=labels(id_) if labels else None)

    def hold(self, pointer: Pointer[Any]) -> None:
        """Keep a strong input from being destroyed until `release`. Raises NotFound, PhaseConflict."""
        self._check_strong(pointer)
        self._store.hold(pointer, self.name)

    def release(self, pointer: Pointer[Any]) -> None:
        """Let go of it."""
        self._check_strong(pointer)
        self._store.release(pointer, self.name)

    def _check_read(self, kind: Kind[Any], id_: str | None) -> None:
        declared = any(i.kind == kind and i.id in (None, id_) for i in self._inputs)
        if not declared and kind.type not in self._outputs:
            raise Denied(f"controller {self.name} reads {kind.type} in {kind.namespace}, which it does not declare")

    def _check_write(self, type_name: str) -> None:
        if type_name not in self._outputs:
            raise Denied(f"controller {self.name} writes {type_name}, which it does not declare")

    def _check_strong(self, pointer: Pointer[Any]) -> None:
        if not any(
            i.kind == pointer.kind and i.id in (None, pointer.id) and i.strength is Strength.STRONG
            for i in self._inputs
        ):
            raise Denied(f"controller {self.name} holds {pointer}, which is not a strong input of it")
