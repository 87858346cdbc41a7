"""A node of a Kubernetes that is wiped and grows back: it leaves with its pods gone elsewhere, and comes in anew under
its own name, as another member of etcd. One cluster for all; the tests go in their order."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import kubecluster
from tests.support.cluster import STRANGER, Node
from tests.support.kubecluster import SECONDS, Kubernetes, app
from tests.support.pid1 import until
from tests.support.planes import members

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(os.geteuid() != 0, reason="nodes need root"),
]


@pytest.fixture(scope="module")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubernetes]:
    with kubecluster.running(tmp_path_factory.mktemp("regrown"), control_planes=2) as made:
        made.apply(app("Deployment", "web", replicas=3), app("DaemonSet", "every"))
        made.rolled_out("deployment/web")
        made.rolled_out("daemonset/every")
        yield made


def test_a_node_that_is_rebooted_with_drain_has_no_pods_to_end(kube: Kubernetes) -> None:
    first, second = kube.nodes
    said = second.ichorctl("reboot", "--drain", timeout=600).err
    assert f"{second.address}: drain" in said
    assert "back with a new boot id" in said
    second.await_ready(seconds=SECONDS)
    assert "unschedulable" not in _spec(kube, second)
    kube.rolled_out("deployment/web")
    assert {_place(kube, pod) for pod in kube.pods("web")} == {first.name}


def test_a_node_whose_pods_may_not_go_is_not_rebooted_with_drain(kube: Kubernetes) -> None:
    _, second = kube.nodes
    budget = {"minAvailable": 3, "selector": {"matchLabels": {"app": "web"}}}
    kept = {"apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"}, "spec": budget}
    kube.kubectl("delete", "pods", "--selector=app=web")  # the scheduler spreads the next ones
    kube.rolled_out("deployment/web")
    kube.apply(kept)
    until(lambda: second.name in {_place(kube, pod) for pod in kube.pods("web")}, SECONDS, "a pod on the second node")
    until(lambda: kube.read("pdb", "web")["status"].get("currentHealthy") == 3, SECONDS, "the budget to be known")
    boots = second.run.boots
    refused = second.ichorctl("reboot", "--drain", "--drain-timeout", "5s", code=1, timeout=600).err
    assert "default/web-" in refused
    until(lambda: "unschedulable" not in _spec(kube, second), SECONDS, "the node to be open again")
    assert second.run.boots == boots
    kube.kubectl("delete", "pdb", "web")


def test_a_control_plane_that_is_reset_leaves_the_cluster_to_the_others(kube: Kubernetes) -> None:
    first, second = kube.nodes
    said = second.ichorctl("reset", "--reboot", timeout=600).err
    assert "comes back without a config" in said
    assert members(first) == {first.name: False}
    assert _spec(kube, second)["unschedulable"]
    kube.rolled_out("deployment/web")
    second.await_answer(STRANGER)
    assert not (second.root / "var/lib/kubelet/pki").exists()


def test_it_grows_back_under_its_name(kube: Kubernetes) -> None:
    first, second = kube.nodes
    config = second.home.places.cluster(second.cluster.spec.name) / "controlplane.yaml"
    second.ichorctl("apply-config", "--insecure", "-f", str(config))
    second.await_ready(seconds=4 * SECONDS)
    until(lambda: members(first) == {first.name: False, second.name: False}, SECONDS, "two members")
    until(lambda: "unschedulable" not in _spec(kube, second), SECONDS, "a node that takes pods")
    kube.rolled_out("daemonset/every")
    until(lambda: {_place(kube, pod) for pod in kube.pods("every")} == {first.name, second.name}, SECONDS, "both")
    (pod,) = (pod for pod in kube.pods("every") if _place(kube, pod) == second.name)
    assert kube.kubectl("exec", pod, "--", "sh", "-c", "echo $VERSION").strip() == "1"


def _spec(kube: Kubernetes, node: Node) -> dict[str, Any]:
    """What is said of a node in the cluster."""
    spec: dict[str, Any] = kube.read("node", node.name)["spec"]
    return spec


def _place(kube: Kubernetes, pod: str) -> str:
    return str(kube.read("pod", pod)["spec"]["nodeName"])
