"""How a kubelet comes into the cluster: the token it first shows, what that lets it ask, and what nodes may read. No
program of Kubernetes' approves what it asks for: control planes look at that (`core.cluster.kubernetes.requests`)."""

import base64
from typing import Final

from core.cluster.kubernetes.manifests import objects
from core.cluster.kubernetes.paths import Object

JOINERS: Final = "system:bootstrappers:nodes"
NODES: Final = "system:nodes"
_READ: Final = ("get", "list", "watch")


def token(identity: str, secret: str) -> list[Object]:
    """A bootstrap token: who shows it belongs to JOINERS."""
    data = {
        "token-id": identity,
        "token-secret": secret,
        "usage-bootstrap-authentication": "true",
        "auth-extra-groups": JOINERS,
    }
    coded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    kind = "bootstrap.kubernetes.io/token"
    return [objects.thing("v1", "Secret", f"bootstrap-token-{identity}", objects.SYSTEM, type=kind, data=coded)]


def asking() -> list[Object]:
    """Who joins, and who has joined, may ask for certificates."""
    to = "system:node-bootstrapper"
    return [objects.binding("system-bootstrap-node-bootstrapper", to, objects.group(JOINERS), objects.group(NODES))]


def reading() -> list[Object]:
    """A node may see who else is there, and where API servers are."""
    name = "system:ichor-nodes"
    seen = objects.rule("", ("nodes", "endpoints"), _READ), objects.rule("discovery.k8s.io", ("endpointslices",), _READ)
    return [objects.role(name, *seen), objects.binding(name, name, objects.group(NODES))]


def kubeconfig(server: str) -> list[Object]:
    """How a program on a node's own network finds the API server while there are no services yet."""
    folder = "/var/run/secrets/kubernetes.io/serviceaccount"
    text = "\n".join(
        (
            "apiVersion: v1",
            "kind: Config",
            "clusters:",
            "- name: local",
            "  cluster:",
            f"    server: {server}",
            f"    certificate-authority: {folder}/ca.crt",
            "users:",
            "- name: service-account",
            "  user:",
            f"    tokenFile: {folder}/token",
            "contexts:",
            "- name: default",
            "  context:",
            "    cluster: local",
            "    user: service-account",
            "current-context: default",
            "",
        )
    )
    return [objects.thing("v1", "ConfigMap", "kubeconfig-in-cluster", objects.SYSTEM, data={"kubeconfig": text})]
