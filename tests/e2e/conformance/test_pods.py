"""Conformance: how pods live and end."""

import base64
import json

import pytest

from tests.support.conformance import FOREVER, Space, container, of, pod

DATA = [{"name": "data", "emptyDir": {}}]
MOUNTED = {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}


@pytest.mark.conformance("Container Runtime, Restart Policy, Pod Phases")
def test_restart_policies(space: Space) -> None:
    thrice = "echo x >> /data/n; [ $(wc -l < /data/n) -gt 2 ] || exit 1; " + FOREVER
    once = "[ -f /data/n ] || { touch /data/n; exit 1; }"
    space.apply(
        pod("never", container("main", "exit 1"), restartPolicy="Never"),
        pod("on-failure", container("main", once, **MOUNTED), restartPolicy="OnFailure", volumes=DATA),
        pod("always", container("main", thrice, **MOUNTED), volumes=DATA),
    )
    space.ended("never", "Failed")
    assert space.restarts("never") == 0
    space.ended("on-failure")
    assert space.restarts("on-failure") == 1
    space.until(lambda: space.restarts("always") == 2, "two restarts")
    space.holds("Ready", "pod/always")
    assert space.read("pod", "always")["status"]["phase"] == "Running"


@pytest.mark.conformance("Pod liveness probe, using local file, restart")
def test_liveness_by_a_file(space: Space) -> None:
    script = "touch /tmp/health; sleep 10; rm /tmp/health; " + FOREVER
    probe = {"exec": {"command": ["busybox", "cat", "/tmp/health"]}, "initialDelaySeconds": 5, "failureThreshold": 1}
    space.run(pod("main", container("main", script, livenessProbe=probe)))
    space.until(lambda: space.restarts("main") > 0, "a restart")
    told = [e["message"] for e in space.read("events")["items"] if e["reason"] == "Unhealthy"]
    assert any("/tmp/health" in message for message in told), told


@pytest.mark.conformance("Pod Lifecycle, prestop exec hook")
def test_before_the_end(space: Space) -> None:
    space.run(pod("server", container("main")))
    url = f"http://{space.read('pod', 'server')['status']['podIP']}:8080/farewell"
    hook = {"preStop": {"exec": {"command": ["sh", "-c", f"wget -qO- {url}"]}}}
    space.run(pod("main", container("main", FOREVER, lifecycle=hook), terminationGracePeriodSeconds=30))
    assert "/farewell" not in space.kubectl("logs", "server")
    space.kubectl("delete", "pod", "main")
    assert "GET /farewell" in space.kubectl("logs", "server")


@pytest.mark.conformance("init-container-starts-app-restartnever-pod")
def test_what_comes_before(space: Space) -> None:
    first, second = (
        container("first", "echo 1 >> /data/n", **MOUNTED),
        container("second", "echo 2 >> /data/n", **MOUNTED),
    )
    main = container("main", "cat /data/n", **MOUNTED)
    space.apply(pod("main", main, initContainers=[first, second], restartPolicy="Never", volumes=DATA))
    assert space.ended("main").split() == ["1", "2"]
    status = space.read("pod", "main")["status"]
    assert {c["type"]: c["status"] for c in status["conditions"]}["Initialized"] == "True"
    for state in (*status["initContainerStatuses"], *status["containerStatuses"]):
        assert (state["state"]["terminated"]["exitCode"], state["restartCount"]) == (0, 0)


@pytest.mark.conformance("DownwardAPI, environment for name, namespace and ip")
def test_a_pod_knows_itself(space: Space) -> None:
    fields = {"NAME": "metadata.name", "SPACE": "metadata.namespace", "ADDRESS": "status.podIP"}
    env = [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in fields.items()]
    space.apply(pod("main", container("main", "echo $NAME $SPACE $ADDRESS", env=env), restartPolicy="Never"))
    name, where, address = space.ended("main").split()
    assert (name, where) == ("main", space.name)
    assert address == space.read("pod", "main")["status"]["podIP"]


@pytest.mark.conformance("Service Account Tokens Must AutoMount")
def test_a_pod_has_an_account(space: Space) -> None:
    folder = "/var/run/secrets/kubernetes.io/serviceaccount"
    files = {"token": "token", "authority": "ca.crt", "space": "namespace"}
    containers = [container(name, f"cat {folder}/{file}") for name, file in files.items()]
    space.apply(pod("main", *containers, restartPolicy="Never"))
    space.until(lambda: space.read("pod", "main")["status"]["phase"] == "Succeeded", "its three containers to end")
    token, authority, where = (space.kubectl("logs", "main", name) for name in files)
    assert where == space.name
    kept = {secret["type"]: secret["data"] for secret in space.read("secrets")["items"]}
    assert authority.encode() == base64.b64decode(kept["kubernetes.io/service-account-token"]["ca.crt"])
    review = of("TokenReview", "", "authentication.k8s.io/v1", spec={"token": token})
    answer = json.loads(space.kube.kubectl("create", "-o", "json", "-f", "-", stdin=json.dumps(review)))
    assert answer["status"]["user"]["username"] == f"system:serviceaccount:{space.name}:default"
