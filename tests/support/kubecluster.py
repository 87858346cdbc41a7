"""A Kubernetes on nodes for tests: the fixtures' images from a registry of this machine, for a block. Asked
by the stock client with an administrator's kubeconfig, as a person does."""

import json
import select
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from core.config import client
from core.provision import bringup, timeline
from core.provision.model import ClusterSpec, Kind
from tests.support import cluster
from tests.support.cluster import Home, Node
from tests.support.fixtures import images, kubernetes, registry, standing
from tests.support.image import built
from tests.support.pid1 import until

WORKLOAD: Final = "fixtures.local/workload"
SECONDS: Final = 180.0  # for what Kubernetes does by itself, on container nodes
Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kubernetes:
    """The cluster's nodes, control planes first, and a client of its API; when it was asked for (Unix seconds)."""

    nodes: list[Node]
    config: Path
    access: client.ClientConfig
    began: float
    seconds: float = SECONDS

    def command(self, *arguments: str) -> list[str]:
        """kubectl's argument list."""
        cache = self.config.with_name("kubectl-cache")
        return [str(kubernetes.kubectl()), f"--kubeconfig={self.config}", f"--cache-dir={cache}", *arguments]

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What the client says. Raises AssertionError with its complaint."""
        command = self.command(*arguments)
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=self.seconds, check=False)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def read(self, *arguments: str) -> Any:
        """What `kubectl get` finds."""
        return json.loads(self.kubectl("get", "-o", "json", *arguments))

    def apply(self, *manifests: Manifest) -> None:
        """Make these things, or change them."""
        self.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests}))

    def rolled_out(self, what: str) -> None:
        """Come back when all pods of it, such as deployment/web, are of its newest kind and available."""
        self.kubectl("rollout", "status", what, f"--timeout={self.seconds:.0f}s")

    def ready(self) -> list[str]:
        """The names of the nodes that are."""
        return [
            node["metadata"]["name"]
            for node in self.read("nodes")["items"]
            if any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])
        ]

    def pods(self, app: str) -> list[str]:
        """The names of an app's pods that are not about to end."""
        found = self.read("pods", f"--selector=app={app}")["items"]
        return [pod["metadata"]["name"] for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def timeline(self) -> list[str]:
        """How long each node took, in words; seconds since the cluster was asked for."""
        rows = timeline.rows(bringup.timeline(self.nodes[0].cluster, self.access), self.began)
        return [
            ", ".join(f"{what} {value}" for what, value in zip(timeline.HEADINGS, row, strict=True)) for row in rows
        ]

    def placed(self, app: str) -> dict[str, str]:
        """The same, with the node that each is on."""
        found = self.read("pods", f"--selector=app={app}")["items"]
        return {p["metadata"]["name"]: p["spec"]["nodeName"] for p in found if "deletionTimestamp" not in p["metadata"]}

    def containers(self, app: str) -> dict[str, list[str]]:
        """Those of an app's pods that are not about to end, by pod: one that is started again is another."""
        found = self.read("pods", f"--selector=app={app}")["items"]
        stay = [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]
        return {p["metadata"]["name"]: [c["containerID"] for c in p["status"]["containerStatuses"]] for p in stay}

    @contextmanager
    def having(self, *manifests: Manifest) -> Iterator[None]:
        """These things, for as long as the block lasts."""
        self.apply(*manifests)
        try:
            yield
        finally:
            for manifest in manifests:
                name = f"{manifest['kind']}/{manifest['metadata']['name']}"
                self.kubectl("delete", name, "--ignore-not-found", "--grace-period=1")

    @contextmanager
    def forwarded(self, what: str, port: int) -> Iterator[int]:
        """A port of this machine that leads to one of `what`, such as pod/web-1."""
        command = self.command("port-forward", "--address=127.0.0.1", what, f":{port}")
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
            try:
                assert client.stdout is not None
                assert select.select([client.stdout], [], [], self.seconds)[0], f"{what} is not forwarded"
                yield int(client.stdout.readline().partition("127.0.0.1:")[2].partition(" ")[0])
            finally:
                client.terminate()


@contextmanager
def running(
    folder: Path,
    control_planes: int = 1,
    workers: int = 0,
    recipes: Sequence[images.Recipe] = images.RECIPES,
    begun: Callable[[list[Node]], None] = lambda _: None,
    *,
    kind: Kind = "container",
    image: Path | None = None,
    cpus: int = 1,
) -> Iterator[Kubernetes]:
    """A cluster whose nodes are ready and known to Kubernetes, as long as the block lasts; `recipes` are of the images
    that it can have, `begun` is as for `cluster.create`. `image` is a folder, by default what is built of the tree;
    `cpus` are a virtual machine's."""
    home = Home(folder)
    name = cluster.unique("kube")
    seconds = SECONDS * bringup.SLOWER[kind]
    with standing.reachable(registry.storage(recipes)) as url:
        wanted = ClusterSpec(
            name=name,
            kind=kind,
            image=str(image or built().image.parent),
            control_planes=control_planes,
            workers=workers,
            kubernetes=kubernetes.version(),
            cpus=cpus,
            mirrors=(("*", url),),
        )
        etcd = {"cluster": {"etcd": {"image": images.ETCD.images()[0].name}}}
        try:
            began = time.time()
            nodes = cluster.create(home, wanted, ((json.dumps(etcd).encode(), "etcd"),), begun)
            access = client.load(home.client_file.read_bytes(), str(home.client_file))
            made = Kubernetes(nodes, bringup.kubeconfig(home.places, nodes[0].cluster, access), access, began, seconds)
            until(lambda: len(made.ready()) == len(nodes), seconds, "nodes that are ready")
            yield made
        except BaseException:
            cluster.show_consoles(home, name)
            raise
        finally:
            cluster.remove(home)


def app(kind: str, name: str, **spec: Any) -> Manifest:
    """A Deployment or DaemonSet of the workload, on every node that there is."""
    container = {
        "name": name,
        "image": f"{WORKLOAD}:1",
        "ports": [{"containerPort": 8080}],
        "readinessProbe": {"httpGet": {"port": 8080, "path": "/"}, "periodSeconds": 1},
    }
    pod = {"tolerations": [{"operator": "Exists"}], "containers": [container]}
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    whole = {"selector": {"matchLabels": {"app": name}}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": whole}


def spread(manifest: Manifest) -> Manifest:
    """An app whose pods are on as many nodes as there are."""
    constraint = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": manifest["spec"]["selector"],
    }
    manifest["spec"]["template"]["spec"]["topologySpreadConstraints"] = [constraint]
    return manifest


def service(name: str, **more: Any) -> Manifest:
    """A Service before an app, at port 80."""
    spec = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}], **more}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}
