"""Conformance: what makes pods, and keeps as many as there should be."""

import pytest

from tests.support.conformance import ANYWHERE, FOREVER, Space, container, pod, replicated, spec
from tests.support.kubecluster import WORKLOAD

LABELS = {"app": "main"}


@pytest.mark.conformance("Deployment RollingUpdate")
def test_a_deployment_takes_over(space: Space) -> None:
    """A replica set that was there is the deployment's, and is emptied for one of the new kind."""
    space.apply(replicated("ReplicaSet", "old", LABELS, spec(container("main")), replicas=2))
    space.until(lambda: space.read("replicaset", "old")["status"].get("readyReplicas") == 2, "its pods")
    before = space.names("pods")
    new = container("main", image=f"{WORKLOAD}:2")
    space.apply(replicated("Deployment", "main", LABELS, spec(new), replicas=2))
    space.rolled_out("deployment/main")
    sets = {s["metadata"]["name"]: s for s in space.read("replicasets")["items"]}
    assert {s["metadata"]["ownerReferences"][0]["name"] for s in sets.values()} == {"main"}
    assert sets.pop("old")["spec"]["replicas"] == 0
    assert [s["status"]["readyReplicas"] for s in sets.values()] == [2]
    assert set(before).isdisjoint(space.names("pods"))


@pytest.mark.conformance("Replica Set, adopt matching pods and release non matching pods")
def test_a_replica_set_takes_and_lets_go(space: Space) -> None:
    space.run(pod("orphan", container("main"), labels=LABELS))
    assert not _owners(space, "orphan")
    space.apply(replicated("ReplicaSet", "main", LABELS, spec(container("main")), replicas=1))
    space.until(lambda: _owners(space, "orphan") == ["main"], "the pod to be taken")
    assert space.names("pods") == ["orphan"]
    space.kubectl("label", "pod", "orphan", "app=other", "--overwrite")
    space.until(lambda: not _owners(space, "orphan"), "the pod to be let go")
    space.until(lambda: len(space.names("pods", "app=main")) == 1, "another in its place")


@pytest.mark.conformance("StatefulSet, Scaling")
def test_a_stateful_set_goes_one_by_one(space: Space) -> None:
    """Up in order and down in the other, and neither while one of them is not well."""
    probe = {"exec": {"command": ["busybox", "test", "-f", "/tmp/well"]}, "periodSeconds": 1, "failureThreshold": 1}
    pods = spec(container("main", FOREVER, readinessProbe=probe))
    space.apply(replicated("StatefulSet", "main", LABELS, pods, replicas=3, serviceName="main"))
    for number in range(3):
        space.until(lambda n=number: _running(space, f"main-{n}"), f"main-{number}")  # type: ignore[misc] # n is an int
        assert space.names("pods") == [f"main-{n}" for n in range(number + 1)]
        space.kubectl("exec", f"main-{number}", "--", "busybox", "touch", "/tmp/well")
    space.rolled_out("statefulset/main")
    space.kubectl("exec", "main-0", "--", "busybox", "rm", "/tmp/well")
    space.until(lambda: _status(space).get("readyReplicas") == 2, "one that is not well")
    space.kubectl("scale", "statefulset/main", "--replicas=1")
    wanted = space.read("statefulset", "main")["metadata"]["generation"]
    space.until(lambda: _status(space)["observedGeneration"] == wanted, "the change to be seen")
    assert len(space.names("pods")) == 3
    space.kubectl("exec", "main-0", "--", "busybox", "touch", "/tmp/well")
    seen = []

    def alone() -> bool:
        seen.append(tuple(space.names("pods")))
        return seen[-1] == ("main-0",)

    space.until(alone, "the first alone")
    assert set(seen) <= {("main-0", "main-1", "main-2"), ("main-0", "main-1"), ("main-0",)}


@pytest.mark.conformance("Jobs, completion after task failure")
def test_a_job_whose_tasks_fail_once(space: Space) -> None:
    script = "[ -f /data/begun ] || { touch /data/begun; exit 1; }"
    main = container("main", script, volumeMounts=[{"name": "data", "mountPath": "/data"}])
    pods = spec(main, restartPolicy="OnFailure", volumes=[{"name": "data", "emptyDir": {}}])
    job = {"completions": 4, "parallelism": 2, "template": {"spec": pods}}
    space.apply({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "main"}, "spec": job})
    space.holds("Complete", "job/main")
    assert space.read("job", "main")["status"]["succeeded"] == 4
    assert [space.restarts(name) for name in space.names("pods")] == [1] * 4


@pytest.mark.conformance("DaemonSet-NodeSelection")
def test_a_daemon_set_on_nodes_with_a_label(space: Space) -> None:
    label, node = f"{space.name}/color", space.kube.nodes[-1].name
    pods = spec(container("main"), nodeSelector={label: "blue"}, tolerations=ANYWHERE)
    space.apply(replicated("DaemonSet", "main", LABELS, pods))
    space.until(lambda: "observedGeneration" in _status(space, "daemonset"), "it to be seen")
    assert not space.names("pods")
    try:
        space.kubectl("label", "node", node, f"{label}=blue")
        space.until(lambda: _status(space, "daemonset").get("numberReady") == 1, "its pod")
        assert [p["spec"]["nodeName"] for p in space.read("pods")["items"]] == [node]
        space.kubectl("label", "node", node, f"{label}=green", "--overwrite")
        space.until(lambda: not space.names("pods"), "its pod to go")
        space.apply(replicated("DaemonSet", "main", LABELS, pods | {"nodeSelector": {label: "green"}}))
        space.rolled_out("daemonset/main")
        assert len(space.names("pods")) == 1
    finally:
        space.kubectl("label", "node", node, f"{label}-")


def _owners(space: Space, name: str) -> list[str]:
    return [owner["name"] for owner in space.read("pod", name)["metadata"].get("ownerReferences", ())]


def _running(space: Space, name: str) -> bool:
    return name in space.names("pods") and space.read("pod", name)["status"]["phase"] == "Running"


def _status(space: Space, kind: str = "statefulset") -> dict[str, int]:
    found: dict[str, int] = space.read(kind, "main")["status"]
    return found
