"""Kubernetes on a node, used as a person uses it: with the stock client, over what `cluster create` made."""

import json
import os
import urllib.request
from collections.abc import Iterator

import pytest

from tests.support import kubecluster
from tests.support.kubecluster import SECONDS, WORKLOAD, Kubernetes, app, service
from tests.support.pid1 import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.geteuid() != 0, reason="nodes need root"),
]


@pytest.fixture(scope="module")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubernetes]:
    with kubecluster.running(tmp_path_factory.mktemp("kubernetes")) as made:
        made.apply(app("Deployment", "web", replicas=2), service("web"), app("DaemonSet", "every"))
        made.rolled_out("deployment/web")
        made.rolled_out("daemonset/every")
        yield made


def test_the_control_planes_pods_are_ready(kube: Kubernetes) -> None:
    programs = {"kube-apiserver", "kube-controller-manager", "kube-scheduler"}

    def ready() -> bool:
        pods = kube.read("pods", "--namespace=kube-system", "--selector=tier=control-plane")["items"]
        able = [
            pod
            for pod in pods
            for c in pod["status"].get("conditions", ())
            if (c["type"], c["status"]) == ("Ready", "True")
        ]
        return {pod["metadata"]["labels"]["component"] for pod in able} == programs

    until(ready, SECONDS, "the control plane's pods")


def test_a_deployment_is_reached_through_a_service(kube: Kubernetes) -> None:
    """By its address, from another pod, as often as it takes to hear of both."""
    address = kube.read("service", "web")["spec"]["clusterIP"]
    (caller,) = kube.pods("every")
    heard = set[str]()

    def both() -> bool:
        heard.add(kube.kubectl("exec", caller, "--", "wget", "-qO-", f"http://{address}").split()[0])
        return heard == set(kube.pods("web"))

    until(both, SECONDS, "an answer of each pod")


def test_a_pod_is_entered_and_tells_what_it_said(kube: Kubernetes) -> None:
    pod = kube.pods("web")[0]
    assert kube.kubectl("exec", pod, "--", "sh", "-c", "echo $VERSION").strip() == "1"
    assert f"serving as {pod}" in kube.kubectl("logs", pod)


def test_a_port_is_forwarded_to_a_pod(kube: Kubernetes) -> None:
    pod = kube.pods("web")[0]
    with kube.forwarded(f"pod/{pod}", 8080) as port, urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
        assert answer.read().decode().split() == [pod, "1"]


def test_a_daemon_set_is_on_every_node(kube: Kubernetes) -> None:
    places = {pod["spec"]["nodeName"] for pod in kube.read("pods", "--selector=app=every")["items"]}
    assert places == {node.name for node in kube.nodes}


def test_a_rolling_update_replaces_every_pod(kube: Kubernetes) -> None:
    before = set(kube.pods("web"))
    kube.kubectl("set", "image", "deployment/web", f"web={WORKLOAD}:2")
    kube.rolled_out("deployment/web")
    after = kube.pods("web")
    assert len(after) == 2
    assert before.isdisjoint(after)
    assert kube.kubectl("exec", after[0], "--", "sh", "-c", "echo $VERSION").strip() == "2"


def test_a_machined_that_is_killed_restarts_no_pod(kube: Kubernetes) -> None:
    def containers() -> dict[str, list[str]]:
        pods = kube.read("pods", "--namespace=kube-system", "--selector=tier=control-plane")["items"]
        return {p["metadata"]["uid"]: [c["containerID"] for c in p["status"]["containerStatuses"]] for p in pods}

    (node,) = kube.nodes
    before = containers()
    node.kill("ichor-machined")
    node.await_ready()
    # a pod of the operator's that comes through the new machined shows that the kubelet has asked it
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "own"}, "spec": _SPEC}
    node.ichorctl("patch", "mc", "--patch", json.dumps({"machine": {"pods": [pod]}}))
    until(lambda: any(p["metadata"]["name"] == f"own-{node.name}" for p in kube.read("pods")["items"]), SECONDS)
    assert containers() == before


_SPEC = {"containers": [{"name": "own", "image": f"{WORKLOAD}:1"}]}
