"""Kubernetes on three control planes and a worker, used as a person uses it: with the stock client, and so that what is
on one node is reached from the others."""

import os
import urllib.request
from collections.abc import Iterator

import pytest

from tests.support import kubecluster
from tests.support.kubecluster import SECONDS, WORKLOAD, Kubernetes, app, service
from tests.support.pid1 import until
from tests.support.results import Record

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.geteuid() != 0, reason="nodes need root"),
]


@pytest.fixture(scope="module")
def kube(fleet: Kubernetes) -> Iterator[Kubernetes]:
    web = kubecluster.spread(app("Deployment", "web", replicas=4))
    with fleet.having(web, service("web"), app("DaemonSet", "every")):
        fleet.rolled_out("deployment/web")
        fleet.rolled_out("daemonset/every")
        yield fleet


def test_every_node_is_ready_and_told_when(fleet: Kubernetes, record_result: Record) -> None:
    for line in fleet.timeline():
        record_result("seconds to", line)
        print(line)
    leaders = {
        n["metadata"]["name"] for n in fleet.read("nodes", "--selector=node-role.kubernetes.io/control-plane")["items"]
    }
    assert leaders == {node.name for node in fleet.nodes[:3]}


def test_pods_are_reached_through_a_service_from_every_other_node(kube: Kubernetes) -> None:
    address = kube.read("service", "web")["spec"]["clusterIP"]
    wanted = set(kube.pods("web"))
    assert set(kube.placed("web").values()) == {node.name for node in kube.nodes}
    for caller in kube.pods("every"):
        heard = set[str]()

        def all_four(caller: str = caller, heard: set[str] = heard) -> bool:
            said = kube.kubectl("exec", caller, "--", "wget", "-qO-", f"http://{address}")
            heard.add(said.split()[0])
            return heard == wanted

        until(all_four, SECONDS, f"an answer of each pod to {caller}")


def test_pods_are_entered_and_tell_what_they_said_on_every_node(kube: Kubernetes) -> None:
    for pod, node in kube.placed("web").items():
        assert kube.kubectl("exec", pod, "--", "sh", "-c", "echo $VERSION").strip() == "1", node
        assert f"serving as {pod}" in kube.kubectl("logs", pod), node


def test_ports_are_forwarded_to_a_pod_of_every_node(kube: Kubernetes) -> None:
    for pod in kube.placed("web"):
        with kube.forwarded(f"pod/{pod}", 8080) as port, urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
            assert answer.read().decode().split() == [pod, "1"]


def test_a_daemon_set_is_on_every_node(kube: Kubernetes) -> None:
    assert sorted(kube.placed("every").values()) == sorted(node.name for node in kube.nodes)


def test_a_rolling_update_replaces_every_pod(kube: Kubernetes) -> None:
    before = set(kube.pods("web"))
    kube.kubectl("set", "image", "deployment/web", f"web={WORKLOAD}:2")
    kube.rolled_out("deployment/web")
    after = kube.placed("web")
    assert len(after) == 4
    assert before.isdisjoint(after)
    for pod in after:
        assert kube.kubectl("exec", pod, "--", "sh", "-c", "echo $VERSION").strip() == "2"


def test_every_node_knows_every_api_server(kube: Kubernetes) -> None:
    for node in kube.nodes:
        listed = node.ichorctl("get", "kubeprismendpoints", "-o", "yaml").out
        own = {node.address: "127.0.0.1"}  # how a control plane knows its own
        assert all(f"host: {own.get(plane.address, plane.address)}" in listed for plane in kube.nodes[:3]), listed
