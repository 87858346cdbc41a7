"""A store with a runtime and the controllers under test. `until` waits for what the store shall say, on its events."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from core.base.clock import Clock
from core.node.resources import REGISTRY
from core.state import Controller, Event, Pointer, Resource, Runtime, Spec, Store

S = TypeVar("S", bound=Spec)


class House:
    """What a node's machined is, without the node."""

    def __init__(self, clock: Clock, controllers: Sequence[Controller]) -> None:
        self.store = Store(REGISTRY, clock)
        self._runtime = Runtime(self.store, clock)
        for controller in controllers:
            self._runtime.register(controller)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The runtime runs until the block ends."""
        task = asyncio.create_task(self._runtime.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    def put(self, id_: str, spec: Spec) -> None:
        """Make it, or change it: as the outside world does, without an owner."""
        pointer: Pointer[Any] = type(spec).at(id_)
        current = self.store.find(pointer)
        if current is None:
            self.store.create(Resource.of(id_, spec))
        else:
            self.store.update(current.with_spec(spec))

    def drop(self, pointer: Pointer[Any]) -> None:
        self.store.destroy(pointer)

    def all(self, kind: type[S]) -> dict[str, S]:
        return {resource.md.id: resource.spec for resource in self.store.list(kind.all())}

    def one(self, kind: type[S], id_: str) -> S | None:
        found = self.store.find(kind.at(id_))
        return found.spec if found is not None else None

    async def until(self, holds: Callable[[], object]) -> None:
        """Come back when it holds; looked at after each change of the store."""
        changed = asyncio.Event()

        def notice(_: Event[Any]) -> None:
            changed.set()

        unsubscribe = self.store.subscribe(notice)
        try:
            async with asyncio.timeout(30):
                while not holds():
                    await changed.wait()
                    changed.clear()
        finally:
            unsubscribe()
