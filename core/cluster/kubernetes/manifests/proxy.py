"""kube-proxy: one on every node, on the node's own network."""

from collections.abc import Mapping, Sequence
from typing import Final

from core.cluster.kubernetes.manifests import objects
from core.cluster.kubernetes.paths import Object

_NAME: Final = "kube-proxy"
_LABELS: Final = {"tier": "node", "k8s-app": _NAME}


def proxy(image: str, flags: Sequence[str], requests: Mapping[str, str], limits: Mapping[str, str]) -> list[Object]:
    """Of an image, with flags; `$(NODE_NAME)` in them is the node's name."""
    return [
        objects.account(_NAME),
        objects.binding("system:kube-proxy", "system:node-proxier", objects.program(_NAME)),
        objects.thing(
            "apps/v1",
            "DaemonSet",
            _NAME,
            objects.SYSTEM,
            labels=_LABELS,
            spec={
                "selector": {"matchLabels": _LABELS},
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
                "template": {"metadata": {"labels": _LABELS}, "spec": _pod(image, flags, requests, limits)},
            },
        ),
    ]


def _pod(image: str, flags: Sequence[str], requests: Mapping[str, str], limits: Mapping[str, str]) -> Object:
    mounts = {"lib-modules": "/lib/modules", "ssl-certs-host": "/etc/ssl/certs", "kubeconfig": "/etc/kubernetes"}
    folders = {name: mounts[name] for name in ("lib-modules", "ssl-certs-host")}
    config = {"name": "kubeconfig-in-cluster"}
    container: Object = {
        "name": _NAME,
        "image": image,
        "command": ["/usr/local/bin/kube-proxy", *flags],
        "env": [
            {"name": "NODE_NAME", "valueFrom": objects.field("spec.nodeName")},
            {"name": "POD_IP", "valueFrom": objects.field("status.podIP")},
        ],
        "resources": objects.resources(requests, limits),
        "securityContext": {"privileged": True},
        "volumeMounts": [{"name": name, "mountPath": path, "readOnly": True} for name, path in mounts.items()],
    }
    return {
        "containers": [container],
        "hostNetwork": True,
        "priorityClassName": "system-node-critical",
        "serviceAccountName": _NAME,
        "tolerations": list(objects.ANYWHERE),
        "volumes": [
            *({"name": name, "hostPath": {"path": path}} for name, path in folders.items()),
            {"name": "kubeconfig", "configMap": config},
        ],
    }
