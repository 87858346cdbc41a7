"""What an API server's answers mean for a cluster's health. The client is the real one's face; the server is in
tests/cluster and in the clusters that are made by hand."""

from typing import Any

import pytest

from core.cluster.kubernetes.paths import Collection
from core.node.api import clusterhealth
from core.node.api.clusterhealth import Expected, Skipped
from tests.support.clock import on_loop

ANY = Expected()


class Api:
    """Lists by plural."""

    def __init__(self, **things: list[dict[str, Any]]) -> None:
        self._things = things

    async def list(self, where: Collection, namespace: str = "", *, labels: str = "") -> dict[str, Any]:
        return {"items": self._things.get(where.plural, [])}


def thing(name: str, ready: bool = True, **spec: Any) -> dict[str, Any]:
    status = {"conditions": [{"type": "Ready", "status": str(ready)}]}
    return {"metadata": {"name": name}, "spec": spec, "status": status}


def leader(name: str) -> dict[str, Any]:
    return thing(name, taints=[{"key": "node-role.kubernetes.io/master"}])


async def said(look: clusterhealth.Check, expected: Expected = ANY, **things: Any) -> str:
    return await look(Api(**things), expected)  # type: ignore[arg-type] # as far as it is asked


@on_loop
async def test_nodes_are_to_be_ready_and_those_that_are_expected_known() -> None:
    nodes = [thing("a"), thing("b", False)]
    nodes[0]["status"]["addresses"] = [{"address": "10.0.0.2"}]
    assert await said(clusterhealth.nodes, nodes=nodes) == "not ready: b"
    assert await said(clusterhealth.nodes, Expected(["10.0.0.2"], ["c"]), nodes=nodes[:1]) == "not known: c"
    assert await said(clusterhealth.nodes, nodes=nodes[:1]) == ""


@on_loop
async def test_each_leader_has_its_three_programs() -> None:
    pods = [thing(f"{program}-a") for program in clusterhealth.PROGRAMS]
    assert await said(clusterhealth.control_plane, nodes=[leader("a"), thing("w")], pods=pods) == ""
    pods[1] = thing("kube-controller-manager-a", False)
    assert await said(clusterhealth.control_plane, nodes=[leader("a")], pods=pods) == "kube-controller-manager-a"


@on_loop
async def test_what_is_not_there_by_design_is_not_called_well() -> None:
    with pytest.raises(Skipped, match="no kube-proxy"):
        await said(clusterhealth.proxies)
    with pytest.raises(Skipped, match="no CoreDNS"):
        await said(clusterhealth.names)
    waiting = thing("coredns-1", False)
    waiting["status"]["containerStatuses"] = [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}]
    with pytest.raises(Skipped, match="no image"):
        await said(clusterhealth.names, pods=[waiting])


@on_loop
async def test_proxies_and_names_are_counted() -> None:
    proxy = {"metadata": {"name": "kube-proxy"}, "status": {"numberReady": 1, "desiredNumberScheduled": 2}}
    assert await said(clusterhealth.proxies, daemonsets=[proxy]) == "1 of 2 are ready"
    assert await said(clusterhealth.names, pods=[thing("a"), thing("b", False)]) == "1 of 2 are ready"
    assert await said(clusterhealth.names, pods=[thing("a")]) == ""
