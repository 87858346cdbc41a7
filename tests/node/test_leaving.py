"""A node that cannot be drained, because nobody tells what runs on it: what waits for that does not happen."""

from types import SimpleNamespace
from typing import Any

import pytest

from core.base.clock import SystemClock
from core.base.errors import NotReady
from core.node.lifecycle import leaving
from core.node.lifecycle.runner import Running
from core.node.lifecycle.sequence import Order
from core.node.resources import REGISTRY
from core.node.resources.k8s import KubeletKubeconfig, Nodename
from core.state import Resource, Store
from tests.support.clock import on_loop


async def _rested() -> None: ...


@on_loop
async def test_who_waits_for_pods_to_go_stays_where_nobody_tells_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "KNOWN_SECONDS", 0)
    store = Store(REGISTRY, SystemClock())
    store.create(Resource.of("nodename", Nodename(nodename="n")))
    store.create(Resource.of("kubelet", KubeletKubeconfig(hash="")))
    running = Running("reboot", "actor", 0, Order(patience=60.0))
    node: Any = SimpleNamespace(
        store=store, runtime=SimpleNamespace(rested=_rested), lifecycle=SimpleNamespace(current=running)
    )
    await leaving.cordon_and_drain(node)
    with pytest.raises(NotReady, match="the cluster does not tell what runs on this node"):
        await leaving.drain_first(node)
