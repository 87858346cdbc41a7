"""Conformance: what the cluster keeps: services, the way from pod to pod, namespaces, quotas, kinds of one's own."""

import json
import subprocess

import pytest

from tests.support.conformance import ANYWHERE, FOREVER, Space, container, of, pod, replicated, spec
from tests.support.kubecluster import Manifest

LABELS = {"app": "main"}
GROUP = "conformance.ichor.dev"


@pytest.mark.conformance("Service, endpoints")
def test_endpoints_follow_pods(space: Space) -> None:
    ports = [{"port": 80, "targetPort": 8080}]
    space.apply(of("Service", "main", spec={"selector": LABELS, "ports": ports}))

    def known() -> list[tuple[str, int]]:
        subsets = space.read("endpoints").get("items", [{}])[0].get("subsets", ())
        ready = [(address, s["ports"]) for s in subsets for address in s.get("addresses", ())]
        return sorted((a["targetRef"]["name"], port["port"]) for a, ports in ready for port in ports)

    space.until(lambda: space.names("endpoints") == ["main"], "the service's endpoints")
    assert known() == []
    for name, there in (("one", ["one"]), ("two", ["one", "two"])):
        space.run(pod(name, container("main"), labels=LABELS))
        space.until(lambda there=there: known() == [(n, 8080) for n in there], f"{there}")  # type: ignore[misc] # a list
    for name, there in (("two", ["one"]), ("one", [])):
        space.kubectl("delete", "pod", name)
        space.until(lambda there=there: known() == [(n, 8080) for n in there], f"{there}")  # type: ignore[misc] # a list


@pytest.mark.conformance("Networking, intra pod http")
def test_each_pod_reaches_each(space: Space) -> None:
    space.apply(replicated("DaemonSet", "main", LABELS, spec(container("main"), tolerations=ANYWHERE)))
    space.rolled_out("daemonset/main")
    pods = {p["metadata"]["name"]: p["status"]["podIP"] for p in space.read("pods")["items"]}
    assert len(pods) == len(space.kube.nodes) > 1
    for caller in pods:
        for name, address in pods.items():
            answer = space.kubectl("exec", caller, "--", "wget", "-qO-", f"http://{address}:8080/")
            assert answer.split()[0] == name


@pytest.mark.conformance("namespace-deletion-removes-pods")
def test_a_namespace_goes_with_its_pods(space: Space) -> None:
    inner = Space(space.kube, f"{space.name}-inner")
    space.kubectl("create", "namespace", inner.name)
    inner.until(lambda: "default" in inner.names("serviceaccounts"), "the namespace's account")
    inner.run(pod("main", container("main")))
    space.kubectl("delete", "namespace", inner.name)
    assert inner.name not in space.names("namespaces")
    space.kubectl("create", "namespace", inner.name)
    assert inner.read("pods")["items"] == []
    space.kubectl("delete", "namespace", inner.name, "--wait=false")


@pytest.mark.conformance("ResourceQuota, object count quota, pod")
def test_a_quota_of_pods(space: Space) -> None:
    hard = {"pods": "2", "requests.cpu": "100m", "requests.memory": "64Mi", "requests.ephemeral-storage": "50Mi"}
    space.apply(of("ResourceQuota", "main", spec={"hard": hard}))

    def used() -> dict[str, str]:
        found: dict[str, str] = space.read("resourcequota", "main").get("status", {}).get("used", {})
        return found

    def asking(name: str, cpu: str) -> dict[str, object]:
        wanted = {"cpu": cpu, "memory": "32Mi", "ephemeral-storage": "20Mi"}
        return pod(name, container("main", FOREVER, resources={"requests": wanted}))

    nothing = dict.fromkeys(hard, "0")
    space.until(lambda: used() == nothing, "the quota to be counted")
    space.apply(asking("main", "60m"))
    some = {"pods": "1", "requests.cpu": "60m", "requests.memory": "32Mi", "requests.ephemeral-storage": "20Mi"}
    space.until(lambda: used() == some, "the pod to be counted")
    assert "exceeded quota: main, requested: requests.cpu=60m" in space.refused(asking("more", "60m"))
    assert "pod updates may not change fields other than" in space.refused(asking("main", "70m"))
    assert used() == some
    space.kubectl("delete", "pod", "main")
    space.until(lambda: used() == nothing, "the pod to be counted out")


@pytest.mark.conformance("Custom Resource Definition, watch")
def test_a_kind_of_ones_own_is_watched(space: Space) -> None:
    plural = "veins"
    kind = {"plural": plural, "singular": "vein", "kind": "Vein", "listKind": "VeinList"}
    shape = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": shape}
    definition = {"group": GROUP, "scope": "Namespaced", "names": kind, "versions": [version]}
    made = of("CustomResourceDefinition", f"{plural}.{GROUP}", "apiextensions.k8s.io/v1", spec=definition)
    space.kube.apply(made)
    try:
        crd = f"crd/{plural}.{GROUP}"
        space.holds("Established", crd)
        _watched(space, f"{plural}.{GROUP}")
    finally:
        space.kubectl("delete", crd)


def _watched(space: Space, resource: str) -> None:
    """One is made, changed and deleted, and each is seen in its order."""
    # a kind is established a moment before all of Kubernetes knows it; and who is told of the first watches
    space.until(lambda: _taken(space, of("Vein", "first", f"{GROUP}/v1", content={"blood": 0})), "its kind to be known")
    path = f"/apis/{GROUP}/v1/namespaces/{space.name}/{resource.partition('.')[0]}?watch=1"
    with subprocess.Popen(space.kube.command("get", "--raw", path), stdout=subprocess.PIPE, text=True) as watcher:
        assert watcher.stdout is not None
        events = map(_event, watcher.stdout)
        try:
            assert next(events) == ("ADDED", "first", 0)
            space.apply(of("Vein", "one", f"{GROUP}/v1", content={"blood": 1}))
            space.apply(of("Vein", "one", f"{GROUP}/v1", content={"blood": 2}))
            space.kubectl("delete", resource, "one")
            told = [next(events) for _ in range(3)]
        finally:
            watcher.terminate()
    assert told == [("ADDED", "one", 1), ("MODIFIED", "one", 2), ("DELETED", "one", 2)]


def _taken(space: Space, manifest: Manifest) -> bool:
    try:
        space.apply(manifest)
    except AssertionError as refusal:
        print(refusal)
        return False
    return True


def _event(line: str) -> tuple[str, str, int]:
    event = json.loads(line)
    return event["type"], event["object"]["metadata"]["name"], event["object"]["content"]["blood"]
