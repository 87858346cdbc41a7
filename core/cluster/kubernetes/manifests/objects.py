"""Words that the manifests have in common."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from core.cluster.kubernetes.paths import Object

SYSTEM: Final = "kube-system"
RBAC: Final = "rbac.authorization.k8s.io"
ANYWHERE: Final = ({"operator": "Exists", "effect": "NoSchedule"}, {"operator": "Exists", "effect": "NoExecute"})
"""Tolerations of what every node needs."""
CONTROL_PLANES: Final = tuple(
    {"key": f"node-role.kubernetes.io/{role}", "operator": "Exists", "effect": "NoSchedule"}
    for role in ("control-plane", "master")
)


def thing(api: str, kind: str, name: str, namespace: str = "", **rest: Any) -> Object:
    """An object; `rest` are its fields, where `labels` go into its metadata."""
    metadata: Object = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    if labels := rest.pop("labels", None):
        metadata["labels"] = dict(labels)
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **rest}


def account(name: str) -> Object:
    """What a program in the cluster is known as."""
    return thing("v1", "ServiceAccount", name, SYSTEM)


def role(name: str, *rules: Object) -> Object:
    """What may be done, in the whole cluster."""
    return thing(f"{RBAC}/v1", "ClusterRole", name, rules=list(rules))


def rule(group: str, resources: Sequence[str], verbs: Sequence[str]) -> Object:
    """Verbs on resources of an API group."""
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


def binding(name: str, to: str, *subjects: Object) -> Object:
    """Who may do what the role `to` says."""
    reference = {"apiGroup": RBAC, "kind": "ClusterRole", "name": to}
    return thing(f"{RBAC}/v1", "ClusterRoleBinding", name, roleRef=reference, subjects=list(subjects))


def group(name: str) -> Object:
    """Users by their group."""
    return {"apiGroup": RBAC, "kind": "Group", "name": name}


def program(name: str) -> Object:
    """A service account of the system's."""
    return {"kind": "ServiceAccount", "name": name, "namespace": SYSTEM}


def resources(requests: Mapping[str, str], limits: Mapping[str, str] | None = None) -> Object:
    """Of a container; what is not said is not in it."""
    said = {"requests": dict(requests), "limits": dict(limits or {})}
    return {key: value for key, value in said.items() if value}


def field(path: str) -> Object:
    """An environment variable's value out of the pod itself."""
    return {"fieldRef": {"fieldPath": path}}
