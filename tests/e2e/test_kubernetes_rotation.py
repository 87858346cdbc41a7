"""The authority of Kubernetes is exchanged on a control plane and a worker while pods serve through a Service and the
API is asked without pause: nobody is refused, and no workload starts anew."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.cli.rotation.authorities import identity
from core.codec import yaml
from core.config.load import load
from tests.support import kubecluster
from tests.support.kubecluster import SECONDS, Kubernetes, app, service
from tests.support.pid1 import until
from tests.support.results import Record

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(os.geteuid() != 0, reason="nodes need root"),
]
# one request after the other from a pod; each that fails is a line
CALLS = (
    "n=0; while [ ! -e /tmp/stop ]; do wget -qO- -T 5 http://{0} >/dev/null || echo failed; n=$((n+1)); done;"
    " echo done $n"
)


@contextmanager
def called(kube: Kubernetes, pod: str, address: str) -> Iterator[list[str]]:
    """A pod calls the Service all along; what it says afterwards, a line for each failure and one with the count. The
    calls go on in the pod whatever becomes of the connection by which it was told to."""
    said: list[str] = []
    script = f"({CALLS.format(address)}) >/tmp/said 2>/dev/null </dev/null &"
    kube.kubectl("exec", pod, "--", "sh", "-c", script)
    yield said
    kube.kubectl("exec", pod, "--", "touch", "/tmp/stop")

    def ended() -> bool:
        said[:] = kube.kubectl("exec", pod, "--", "cat", "/tmp/said").splitlines()
        return bool(said) and said[-1].startswith("done")

    until(ended, SECONDS, "the end of the calls")


class Asking:
    """Asks the API over and over by the kubeconfig that is there at that moment; and over one connection by a watch."""

    def __init__(self, kube: Kubernetes) -> None:
        self._kube, self._stop = kube, threading.Event()
        self.asked, self.failures = 0, list[str]()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Asking":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            command = self._kube.command("get", "--request-timeout=20s", "nodes", "-o", "name")
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            self.asked += 1
            if done.returncode:
                self.failures.append(done.stderr)


def spread(name: str) -> dict[str, Any]:
    """A Deployment with a pod on each of the nodes."""
    made = app("Deployment", name, replicas=2)
    term = {"labelSelector": {"matchLabels": {"app": name}}, "topologyKey": "kubernetes.io/hostname"}
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    made["spec"]["template"]["spec"]["affinity"] = affinity
    return made


def workloads(kube: Kubernetes) -> dict[str, Any]:
    """Container ids and counts of restarts of all pods but the control plane's own."""
    pods = kube.read("pods", "--all-namespaces", "--selector=tier!=control-plane")["items"]
    return {
        pod["metadata"]["uid"]: [(c["containerID"], c["restartCount"]) for c in pod["status"]["containerStatuses"]]
        for pod in pods
    }


def apiservers(kube: Kubernetes) -> list[Any]:
    pods = kube.read("pods", "--namespace=kube-system", "--selector=component=kube-apiserver")["items"]
    return [(c["containerID"], c["restartCount"]) for pod in pods for c in pod["status"]["containerStatuses"]]


def held(kube: Kubernetes) -> list[set[str]]:
    """By each node's config, whom Kubernetes believes there."""
    found = []
    for node in kube.nodes:
        text = node.ichorctl("get", "mc", "v1alpha1", "-o", "yaml").out
        whole: Any = yaml.builtins(yaml.load(text.encode()))
        cluster = load(whole["spec"].encode()).v1alpha1.cluster
        assert cluster.ca is not None
        found.append({identity(crt) for crt in (cluster.ca.crt, *(ca.crt for ca in cluster.accepted_cas))})
    return found


def test_rotate_ca_stops_nobody(tmp_path: Path, record_result: Record) -> None:
    with kubecluster.running(tmp_path, workers=1) as kube:
        plane, worker = kube.nodes
        kube.apply(spread("web"), service("web"), app("DaemonSet", "every"))
        kube.rolled_out("deployment/web")
        kube.rolled_out("daemonset/every")
        address = kube.read("service", "web")["spec"]["clusterIP"]
        before, serving, authority = workloads(kube), apiservers(kube), held(kube)
        named = ("--control-plane-nodes", plane.address, "--worker-nodes", worker.address, "--talos=false")
        plan = plane.home.ichorctl("rotate-ca", *named)
        assert "nothing was changed" in plan.err
        with called(kube, kube.pods("every")[0], address) as calls, Asking(kube) as asking:
            done = plane.home.ichorctl("rotate-ca", "--dry-run=false", *named)
        print(done.err)
        assert [line for line in calls if not line.startswith("done")] == []
        assert asking.failures == []
        assert workloads(kube) == before
        assert apiservers(kube) == serving
        after = held(kube)
        assert after[0] == after[1]
        assert len(after[0]) == 1
        assert after[0].isdisjoint(authority[0])
        record_result("calls of the workload without a failure", int(calls[-1].split()[1]))
        record_result("calls of the API without a failure", asking.asked)
