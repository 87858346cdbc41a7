"""What cases of Kubernetes' conformance suite are asked with: a namespace of their own in a cluster that stays, and
short manifests of pods. The cases' names are the suite's, what a case does is written here; DNS is asked by none,
because there is no image of a server for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tests.support.kubecluster import SECONDS, WORKLOAD, Kubernetes, Manifest
from tests.support.pid1 import until

IMAGE: Final = f"{WORKLOAD}:1"
ANYWHERE: Final = [{"operator": "Exists"}]
FOREVER: Final = "trap exit TERM; sleep 3600 & wait"


@dataclass(frozen=True, slots=True)
class Space:
    """A namespace of a cluster."""

    kube: Kubernetes
    name: str

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What the client says there."""
        return self.kube.kubectl(f"--namespace={self.name}", *arguments, stdin=stdin)

    def read(self, *arguments: str) -> Any:
        """What `kubectl get` finds there."""
        return self.kube.read(f"--namespace={self.name}", *arguments)

    def apply(self, *manifests: Manifest) -> None:
        """Make these things there, or change them."""
        self.kube.apply(*(m | {"metadata": {"namespace": self.name} | m["metadata"]} for m in manifests))

    def refused(self, *manifests: Manifest) -> str:
        """Why they are not made."""
        try:
            self.apply(*manifests)
        except AssertionError as error:
            return str(error)
        raise AssertionError(f"taken: {manifests}")

    def run(self, *pods: Manifest) -> None:
        """Make these pods; until each is ready."""
        self.apply(*pods)
        names = [pod["metadata"]["name"] for pod in pods]
        self.holds("Ready", "pod", *names)

    def holds(self, condition: str, *what: str) -> None:
        """Come back when a condition of these things holds."""
        self.kubectl("wait", f"--for=condition={condition}", f"--timeout={SECONDS:.0f}s", *what)

    def rolled_out(self, what: str) -> None:
        """Come back when all pods of it, such as deployment/main, are of its newest kind and available."""
        self.kubectl("rollout", "status", what, f"--timeout={SECONDS:.0f}s")

    def ended(self, name: str, phase: str = "Succeeded") -> str:
        """What a pod has said, when it has ended so."""
        self.until(lambda: self.read("pod", name)["status"]["phase"] in ("Succeeded", "Failed"), f"{name} to end")
        assert self.read("pod", name)["status"]["phase"] == phase, self.kubectl("describe", "pod", name)
        return self.kubectl("logs", name)

    def restarts(self, name: str) -> int:
        """How often the first container of a pod was started again."""
        return sum(c["restartCount"] for c in self.read("pod", name)["status"].get("containerStatuses", ())[:1])

    def names(self, kind: str, selector: str = "") -> list[str]:
        """Of all that are not about to end."""
        items = self.read(kind, f"--selector={selector}")["items"]
        return sorted(i["metadata"]["name"] for i in items if "deletionTimestamp" not in i["metadata"])

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Until it holds."""
        until(condition, SECONDS, what)


def container(name: str, script: str = "", **more: Any) -> Manifest:
    """A container that runs a script, or serves its pod's name at port 8080."""
    return {"name": name, "image": IMAGE} | ({"command": ["sh", "-c", script]} if script else {}) | more


def spec(*containers: Manifest, **more: Any) -> Manifest:
    """What pods are made by; they end at once when they are told to."""
    return {"containers": list(containers), "terminationGracePeriodSeconds": 1} | more


def pod(name: str, *containers: Manifest, labels: dict[str, str] | None = None, **more: Any) -> Manifest:
    """A pod by itself."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels or {}},
        "spec": spec(*containers, **more),
    }


def of(kind: str, name: str, api: str = "v1", **parts: Any) -> Manifest:
    """Any other thing."""
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name}, **parts}


def replicated(kind: str, name: str, labels: dict[str, str], pods: Manifest, **more: Any) -> Manifest:
    """A thing of `apps` that makes such pods, and has their labels itself: by these a deployment takes replica sets."""
    template = {"metadata": {"labels": labels}, "spec": pods}
    made = of(kind, name, "apps/v1", spec={"selector": {"matchLabels": labels}, "template": template, **more})
    return made | {"metadata": made["metadata"] | {"labels": labels}}
