"""The control plane's static pods, as the kubelet takes them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from core.cluster.kubernetes.controlplane import APISERVER, AUDIT, CONFIGS, CONTROLLER_MANAGER, SCHEDULER, SECRETS
from core.cluster.kubernetes.quantity import in_bytes

Tree = dict[str, Any]
NAMESPACE: Final = "kube-system"
USERS: Final = {APISERVER: 65534, CONTROLLER_MANAGER: 65535, SCHEDULER: 65536}  # a group of the same number each
REQUESTS: Final = {
    APISERVER: {"cpu": "200m", "memory": "512Mi"},
    CONTROLLER_MANAGER: {"cpu": "50m", "memory": "256Mi"},
    SCHEDULER: {"cpu": "10m", "memory": "64Mi"},
}
_PRIORITY: Final = ("system-cluster-critical", 2_000_000_000)
_HEAP: Final = 0.95  # of a memory limit, for Go's heap to stay below
_SECONDS: Final = 15  # that a probe may take


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A path of the node in the pod."""

    name: str
    host: str
    path: str
    writable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One of PROGRAMS as a pod. `probes` are asked at `port`; `versions` become annotations: a pod whose annotations
    change is another one to the kubelet, which ends the old and starts the new."""

    name: str
    image: str
    args: Sequence[str]
    port: int
    probes: bool = True
    env: Mapping[str, str] = field(default_factory=dict)
    volumes: Sequence[Volume] = ()
    requests: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


def pod(program: Program) -> Tree:
    """The Pod. Raises Invalid for a memory limit that is no quantity."""
    user = USERS[program.name]
    volumes = [*own_volumes(program.name), *program.volumes]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": program.name,
            "namespace": NAMESPACE,
            "annotations": dict(program.versions),
            "labels": {"tier": "control-plane", "k8s-app": program.name, "component": program.name},
        },
        "spec": {
            "hostNetwork": True,
            "priorityClassName": _PRIORITY[0],
            "priority": _PRIORITY[1],
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": user,
                "runAsGroup": user,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [_container(program, volumes)],
            "volumes": [{"name": volume.name, "hostPath": {"path": volume.host}} for volume in volumes],
        },
    }


def own_volumes(name: str) -> list[Volume]:
    """What each program needs of the node: its keys, its configuration, where it writes."""
    volumes = [Volume(name="secrets", host=f"{SECRETS}/{name}", path=f"{SECRETS}/{name}")]
    if name != CONTROLLER_MANAGER:
        volumes.append(Volume(name="config", host=f"{CONFIGS}/{name}", path=f"{CONFIGS}/{name}"))
    if name == APISERVER:
        volumes.append(Volume(name="audit", host=AUDIT, path=AUDIT, writable=True))
    return volumes


def _container(program: Program, volumes: Sequence[Volume]) -> Tree:
    requests = {**REQUESTS[program.name], **program.requests}
    mounts = [{"name": v.name, "mountPath": v.path, "readOnly": not v.writable} for v in volumes]
    return {
        "name": program.name,
        "image": program.image,
        "command": [f"/usr/local/bin/{program.name}", *program.args],
        "env": _environment(program),
        "resources": {"requests": requests} | ({"limits": dict(program.limits)} if program.limits else {}),
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": mounts,
        **(_probes(program) if program.probes else {}),
    }


def _environment(program: Program) -> list[Tree]:
    told = dict(program.env)
    if "memory" in program.limits:
        told = {"GOMEMLIMIT": str(int(in_bytes(program.limits["memory"]) * _HEAP))} | told
    listed: list[Tree] = [{"name": name, "value": value} for name, value in sorted(told.items())]
    if program.name == APISERVER:
        listed.insert(0, {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}})
    return listed


def _probes(program: Program) -> Tree:
    """kube-apiserver's health is asked at the address of the node, for it is there that it listens; the others' at
    loopback. It has twenty minutes to come up, the others five: an emulated processor takes minutes, and who is ended
    before he has begun never comes up at all. All are asked whether they are ready, for a kubelet of 1.20 otherwise
    says up to a minute and a half late that they have come up."""
    if program.name == APISERVER:
        live = _probe(program, "/livez", every=10, failures=8)
        start = _probe(program, "/livez", every=1, failures=1200)
        ready = _probe(program, "/readyz", every=5, failures=3)
        return {"startupProbe": start, "livenessProbe": live, "readinessProbe": ready}
    live = _probe(program, "/healthz", every=10, failures=8)
    start = _probe(program, "/healthz", every=1, failures=300)
    ready = _probe(program, "/healthz", every=5, failures=3)
    return {"startupProbe": start, "livenessProbe": live, "readinessProbe": ready}


def _probe(program: Program, path: str, *, every: int, failures: int) -> Tree:
    where = {} if program.name == APISERVER else {"host": "127.0.0.1"}
    return {
        "httpGet": {"scheme": "HTTPS", "port": program.port, "path": path, **where},
        "periodSeconds": every,
        "timeoutSeconds": _SECONDS,
        "failureThreshold": failures,
    }
