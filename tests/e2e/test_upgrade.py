"""Kubernetes on a control plane and a worker is taken to another version while a Service answers, broken off and begun
again. Where one release can be built, the other is the same source under another name
(tests/support/fixtures): what is shown is that each part is exchanged for another one, not what releases differ in."""

import os
import re
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPException

import pytest

from tests.support import kubecluster
from tests.support.cluster import Node, Said
from tests.support.fixtures import images, kubernetes
from tests.support.kubecluster import SECONDS, Kubernetes, app, service
from tests.support.pid1 import until
from tests.support.results import Record

TWIN = kubernetes.TWIN
SYSTEM = "--namespace=kube-system"
LEFT = re.compile(r"(\d+) of 6 changes are left to make")
UPGRADE_SECONDS = 900.0
PATIENCE = 20.0  # for an answer; on a busy machine what is slow has not failed
# behind which words it is killed: a node was told just then, and nobody has seen yet what it made of it
BREAKS = ("kube-apiserver: v", "kube-scheduler: v", "kubelet: v")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(os.geteuid() != 0, reason="nodes need root"),
]


@pytest.fixture(scope="module")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubernetes]:
    """With two pods behind a Service, one on each node."""
    recipes = (*images.RECIPES, *images.TWINS)
    port = service("served")
    port["spec"]["type"] = "NodePort"
    with kubecluster.running(tmp_path_factory.mktemp("upgrade"), workers=1, recipes=recipes) as made:
        made.apply(app("DaemonSet", "served"), port)
        made.rolled_out("daemonset/served")
        yield made


class Asking(threading.Thread):
    """Who asks the Service at one node's port, over a new connection each time, from its first answer until `ended`.
    What fails behind that is kept, with the second of the day at which it did."""

    def __init__(self, node: Node, port: int) -> None:
        super().__init__(name=node.name)
        self._url, self._end = f"http://{node.address}:{port}", threading.Event()
        self.answered = 0
        self.failed: list[str] = []

    def run(self) -> None:
        while not self._end.wait(0.02):
            try:
                with urllib.request.urlopen(self._url, timeout=PATIENCE) as answer:
                    self.answered += answer.status == HTTPStatus.OK
            except (OSError, HTTPException) as error:
                if self.answered:  # rules of kube-proxy come a while after the pods that they lead to
                    self.failed.append(f"{time.strftime('%T')} {error!r}")

    def progress(self) -> None:
        """Come back when two more requests were answered: the second of them was begun after now."""
        wanted = self.answered + 2
        until(lambda: self.failed or self.answered >= wanted, SECONDS, f"answers at {self.name}")
        assert not self.failed, f"{self.name}: {self.failed}"

    def ended(self) -> None:
        self._end.set()
        self.join()


@contextmanager
def _asking(kube: Kubernetes) -> Iterator[list[Asking]]:
    port = kube.read("service", "served")["spec"]["ports"][0]["nodePort"]
    made = [Asking(node, port) for node in kube.nodes]
    for one in made:
        one.start()
    try:
        yield made
    finally:
        for one in made:
            one.ended()


def _upgrade(kube: Kubernetes, *arguments: str, code: int = 0) -> Said:
    return kube.nodes[0].ichorctl("upgrade-k8s", *arguments, code=code, timeout=UPGRADE_SECONDS)


def _left(kube: Kubernetes) -> int:
    """How many changes it says are left to make."""
    found = LEFT.search(_upgrade(kube, "--to", TWIN, "--dry-run").err)
    assert found is not None
    return int(found[1])


def _versions(kube: Kubernetes) -> set[str]:
    """What every part of it says it is, or is an image of."""
    nodes = [node["status"]["nodeInfo"] for node in kube.read("nodes")["items"]]
    found = {str(info[f"{part}Version"]) for info in nodes for part in ("kubelet", "kubeProxy")}
    found |= set(re.findall(r'"gitVersion": *"([^"]+)"', kube.kubectl("get", "--raw", "/version")))
    for pod in kube.read("pods", SYSTEM)["items"]:
        for container in pod["spec"]["containers"]:
            if container["name"].startswith("kube-"):
                found.add(container["image"].rpartition(":")[2])
    return found


def _unready(kube: Kubernetes) -> list[str]:
    pods = kube.read("pods", SYSTEM, "--selector=tier=control-plane")["items"]
    ready = {"type": "Ready", "status": "True"}.items()
    return [p["metadata"]["name"] for p in pods if not any(ready <= each.items() for each in p["status"]["conditions"])]


def test_a_dry_run_changes_nothing(kube: Kubernetes) -> None:
    said = _upgrade(kube, "--to", TWIN, "--dry-run")
    shown = [line.split() for line in said.out.splitlines() if f"v{TWIN}" in line]
    worker = kube.nodes[1].name
    assert [row[1] for row in shown if row[0] != worker] == [
        *("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet")
    ]
    assert [row[1:] for row in shown if row[0] == worker] == [["kubelet", f"v{kubernetes.version()}", f"v{TWIN}"]]
    assert "nothing was changed" in said.err
    assert _versions(kube) == {f"v{kubernetes.version()}"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--to", "1.22.0"), "a minor release is skipped; go to 1.21 first"),
        (("--to", "1.19.16"), "is not known here"),
        (("--to", TWIN, "--from", "1.20.3"), "is 1.20.2, not 1.20.3"),
        (("--to", "new"), "is no version of Kubernetes"),
    ],
)
def test_what_leads_nowhere_is_refused(kube: Kubernetes, arguments: tuple[str, ...], says: str) -> None:
    assert says in _upgrade(kube, *arguments, code=1).err


def test_a_cluster_is_taken_to_another_version_while_it_serves(kube: Kubernetes, record_result: Record) -> None:
    before = kube.read("pods", "--selector=app=served")["items"]
    began = time.monotonic()
    with _asking(kube) as callers:
        _progress(callers)
        left = 6
        for words in BREAKS:
            with kube.nodes[0].following("upgrade-k8s", "--to", TWIN) as upgrade:
                upgrade.until(words, UPGRADE_SECONDS)
            _progress(callers)
            assert _left(kube) < left
            left = _left(kube)
        said = _upgrade(kube, "--to", TWIN)
        _progress(callers)
    assert f"the cluster is at {TWIN}" in said.err
    assert _versions(kube) == {f"v{TWIN}"}
    assert _unready(kube) == []
    after = kube.read("pods", "--selector=app=served")["items"]
    assert [_container(pod) for pod in after] == [_container(pod) for pod in before]
    record_result("upgrade, broken off three times", f"{time.monotonic() - began:.0f} s")
    record_result("requests answered meanwhile", sum(one.answered for one in callers))


def _progress(callers: list[Asking]) -> None:
    for one in callers:
        one.progress()


def _container(pod: dict[str, dict[str, list[dict[str, str]]]]) -> str:
    return pod["status"]["containerStatuses"][0]["containerID"]


def test_what_is_done_is_not_done_again(kube: Kubernetes) -> None:
    """It only looks whether all is well, and gives the cluster its manifests once more."""
    kube.kubectl("annotate", SYSTEM, "daemonset/kube-proxy", "config.k8s.io/owning-inventory-", "--overwrite")
    said = _upgrade(kube, "--to", TWIN)
    assert "0 of 6 changes are left to make" in said.err
    assert "->" not in said.err
    daemons = kube.read("daemonset", "kube-proxy", SYSTEM)
    assert "config.k8s.io/owning-inventory" in daemons["metadata"]["annotations"]


def test_it_goes_back_to_an_earlier_patch_without_the_kubelets(kube: Kubernetes, record_result: Record) -> None:
    began = time.monotonic()
    said = _upgrade(kube, "--to", kubernetes.version(), "--upgrade-kubelet=false", "--pre-pull-images=false")
    record_result("control plane and kube-proxy", f"{time.monotonic() - began:.0f} s")
    assert "4 of 4 changes are left to make" in said.err
    kubelets = {node["status"]["nodeInfo"]["kubeletVersion"] for node in kube.read("nodes")["items"]}
    assert kubelets == {f"v{TWIN}"}
    assert _versions(kube) == {f"v{TWIN}", f"v{kubernetes.version()}"}
    assert _unready(kube) == []
