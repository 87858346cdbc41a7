"""Waiting on resources: how sequences and services depend on the rest of the node."""

from collections.abc import Callable
from typing import TypeVar

from core.state import Change, Pointer, Spec, Store

S = TypeVar("S", bound=Spec)


async def until(store: Store, pointer: Pointer[S], accept: Callable[[S], bool]) -> S:
    """The spec of the resource as soon as it exists and `accept` says yes."""
    with store.follow(pointer) as watch:
        while True:
            for event in await watch.batch():
                if event.change in (Change.CREATED, Change.UPDATED) and event.resource is not None:
                    spec = event.resource.spec
                    if accept(spec):
                        return spec


async def torn_down(store: Store, pointer: Pointer[Spec]) -> None:
    """Begin its end and come back when nobody holds it any more, or when there is none."""
    with store.follow(pointer) as watch:
        while store.find(pointer) is not None and not store.teardown(pointer):
            await watch.batch()
