"""Pods of a node in a real apiserver: who goes, who stays, and who may not go yet."""

from typing import Any

from core.base.clock import SystemClock
from core.cluster.kubernetes.draining import drain, goes
from core.cluster.kubernetes.paths import NODES, PODS, Collection, Object, named
from tests.support.apiserver import ApiServer
from tests.support.clock import on_loop

BUDGETS = Collection("policy/v1beta1", "poddisruptionbudgets", namespaced=True)


def pod(name: str, node: str, **metadata: Any) -> Object:
    """One that ends at once, as there is no kubelet here to end it."""
    told = {"name": name, "namespace": "default", **metadata}
    containers = [{"name": "one", "image": "nothing"}]
    return {"metadata": told, "spec": {"nodeName": node, "terminationGracePeriodSeconds": 0, "containers": containers}}


@on_loop
async def test_a_nodes_pods_go_as_their_budgets_allow(apiserver: ApiServer) -> None:
    owner = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "set", "uid": "1", "controller": True}
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"kept": "yes"}}}
    async with apiserver.client() as client:
        for name in ("drained", "elsewhere"):
            await client.create(NODES, {"metadata": {"name": name}})
        await client.create(PODS, pod("goes", "drained"))
        await client.create(PODS, pod("other", "elsewhere"))
        await client.create(PODS, pod("of-a-set", "drained", ownerReferences=[owner]))
        await client.create(PODS, pod("budgeted", "drained", labels={"kept": "yes"}))
        await client.patch(PODS, "budgeted", {"status": {"phase": "Running"}}, "default", part="status")
        await client.create(BUDGETS, {"metadata": {"name": "keeps", "namespace": "default"}, "spec": spec})
        assert await drain(client, "drained", 0.0, SystemClock()) != []
        while await drain(client, "drained", 1.0, SystemClock()) != ["default/budgeted"]:
            continue  # on a busy machine the time may be over before anybody was asked
        await client.delete(BUDGETS, "keeps", "default")
        assert await drain(client, "drained", 20.0, SystemClock()) == []
        left = await client.list(PODS, "default", fields="spec.nodeName!=")
        assert {"of-a-set", "other"} <= {named(each) for each in left["items"]}


def test_what_belongs_to_the_node_stays() -> None:
    assert goes({"metadata": {"name": "a"}})
    assert not goes({"metadata": {"annotations": {"kubernetes.io/config.mirror": "hash"}}})
    assert not goes({"metadata": {}, "status": {"phase": "Succeeded"}})
    assert goes({"metadata": {"ownerReferences": [{"kind": "ReplicaSet", "controller": True}]}})
