"""A node that stops being who it was, where what it needs to know comes late or never."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.cluster.etcd.journal import Entry, Stage
from core.node.etcd.place import Place
from core.node.lifecycle import resetting
from core.node.resources import REGISTRY
from core.node.resources.block import MountStatus, VolumePhase, VolumeStatus
from core.state import Resource, Store
from tests.support.clock import FakeClock, on_loop, settle


async def _rested() -> None:
    """At once."""


def _node(folder: Path) -> Any:
    clock = FakeClock()
    store = Store(REGISTRY, clock)
    place = Place(store, clock, folder / "data", folder / "etcd.json")
    return SimpleNamespace(store=store, etcd=place, runtime=SimpleNamespace(rested=_rested))


def _found(node: Any, phase: VolumePhase) -> None:
    for name in ("STATE", "EPHEMERAL"):
        node.store.create(Resource.of(name, VolumeStatus(phase=phase)))


@on_loop
async def test_a_member_whose_volumes_come_late_is_still_one(tmp_path: Path) -> None:
    node = _node(tmp_path)
    node.etcd.journal.write(Entry(Stage.MEMBER, cluster=1, member=2))
    leaves = asyncio.ensure_future(resetting.leave_etcd(node))
    await settle()
    assert not leaves.done()
    for name in ("STATE", "EPHEMERAL"):
        node.store.create(Resource.of(name, MountStatus()))
    _found(node, VolumePhase.READY)
    await settle()
    assert not leaves.done()  # where etcd is has to be known now
    leaves.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaves


@on_loop
async def test_a_node_without_volumes_has_nothing_to_leave(tmp_path: Path) -> None:
    node = _node(tmp_path)
    _found(node, VolumePhase.MISSING)
    await resetting.leave_etcd(node)
