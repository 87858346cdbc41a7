"""Waiting on resources."""

import asyncio

from core.node.resources import NAMESPACES, REGISTRY
from core.node.resources.block import VolumeLifecycle
from core.node.waiting import torn_down
from core.state import Resource, Store
from tests.support.clock import FakeClock, on_loop, settle

VOLUMES = VolumeLifecycle.at("volumes")


@on_loop
async def test_an_end_waits_for_all_who_hold_it() -> None:
    store = Store(REGISTRY, FakeClock(), NAMESPACES)
    await torn_down(store, VOLUMES)  # there is none
    store.create(Resource.of("volumes", VolumeLifecycle()))
    store.hold(VOLUMES, "first")
    store.hold(VOLUMES, "second")
    waiting = asyncio.create_task(torn_down(store, VOLUMES))
    await settle()
    assert store.get(VOLUMES).md.tearing_down
    store.release(VOLUMES, "first")
    await settle()
    assert not waiting.done()
    store.release(VOLUMES, "second")
    await waiting
    await torn_down(store, VOLUMES)  # again: nothing to wait for
