"""Whether a workload has all its pods, against what the stock client says of the same object. None of its controllers
runs, so a test says what its status is."""

import zlib
from typing import Any

import pytest

from core.cluster.kubernetes import rollout
from core.cluster.kubernetes.paths import DAEMON_SETS, Collection, Object
from tests.support.apiserver import ApiServer
from tests.support.clock import on_loop

_WHERE = {
    "DaemonSet": DAEMON_SETS,
    "Deployment": Collection("apps/v1", "deployments", namespaced=True),
    "StatefulSet": Collection("apps/v1", "statefulsets", namespaced=True),
}
_DAEMONS = {"currentNumberScheduled": 3, "numberMisscheduled": 0, "numberReady": 3, "desiredNumberScheduled": 3}
_SETS = {"replicas": 3, "currentRevision": "a", "updateRevision": "b"}


@pytest.mark.parametrize(
    ("kind", "status", "lacks"),
    [
        ("DaemonSet", {}, "its change has not been seen yet"),
        ("DaemonSet", _DAEMONS | {"updatedNumberScheduled": 2, "numberAvailable": 3}, "2 of 3 pods are new"),
        ("DaemonSet", _DAEMONS | {"updatedNumberScheduled": 3, "numberAvailable": 2}, "2 of 3 pods are available"),
        ("DaemonSet", _DAEMONS | {"updatedNumberScheduled": 3, "numberAvailable": 3}, ""),
        ("Deployment", {}, "its change has not been seen yet"),
        ("Deployment", {"replicas": 3, "updatedReplicas": 2}, "2 of 3 pods are new"),
        (
            "Deployment",
            {"replicas": 4, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3},
            "1 old pods are left",
        ),
        ("Deployment", {"replicas": 3, "updatedReplicas": 3, "readyReplicas": 3}, "0 of 3 pods are available"),
        (
            "Deployment",
            {"replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3},
            "",
        ),
        ("StatefulSet", _SETS | {"updatedReplicas": 3, "readyReplicas": 1}, "1 of 3 pods are available"),
        ("StatefulSet", _SETS | {"updatedReplicas": 3, "readyReplicas": 3, "updateRevision": "a"}, ""),
    ],
)
def test_it_is_rolled_out_when_the_stock_client_says_so(
    apiserver: ApiServer, request: pytest.FixtureRequest, kind: str, status: dict[str, Any], lacks: str
) -> None:
    name = f"rollout-{zlib.crc32(request.node.name.encode())}"
    thing = _made(apiserver, kind, name, status)
    assert rollout.lacks(thing) == lacks
    said = apiserver.kubectl("rollout", "status", "--watch=false", f"{kind.lower()}/{name}")
    assert (lacks == "") == ("successfully rolled out" in said or " complete" in said), said


def _made(apiserver: ApiServer, kind: str, name: str, status: dict[str, Any]) -> Object:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    spec: dict[str, Any] = {"selector": {"matchLabels": {"app": name}}, "template": template}
    if kind != "DaemonSet":
        spec["replicas"] = 3
    if kind == "StatefulSet":
        spec["serviceName"] = name
    found: list[Object] = []

    @on_loop
    async def make() -> None:
        async with apiserver.client() as kubernetes:
            made = await kubernetes.create(_WHERE[kind], _thing(kind, name, spec))
            if status:
                made["status"] = {"observedGeneration": made["metadata"]["generation"], **status}
                made = await kubernetes.replace(_WHERE[kind], made, "status")
            found.append(made)

    make()
    return found[0]


def _thing(kind: str, name: str, spec: dict[str, Any]) -> Object:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}
