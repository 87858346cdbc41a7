"""flannel: the pods' network where the config asks for it, one on every node."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from core.cluster.kubernetes.manifests import objects
from core.cluster.kubernetes.paths import Object

_NAME: Final = "flannel"
_LABELS: Final = {"tier": "node", "k8s-app": _NAME}
_PLUGIN: Final = {"delegate": {"hairpinMode": True, "isDefaultGateway": True}, "type": "flannel"}


@dataclass(frozen=True, slots=True)
class Flannel:
    """How: pods' ranges (one of each family), backend, flags beside our own, and what reaches the API server from a
    node's network where services do not (`host` and `port`)."""

    image: str
    pods: Sequence[str]
    backend: Mapping[str, Any]
    flags: Sequence[str] = ()
    host: str = ""
    port: str = ""
    requests: Mapping[str, str] = field(default_factory=lambda: {"cpu": "100m", "memory": "50Mi"})
    limits: Mapping[str, str] = field(default_factory=dict)


def flannel(how: Flannel) -> list[Object]:
    """All of it."""
    watched = objects.rule("", ("nodes",), ("get", "list", "watch"))
    data = {"cni-conf.json": _json(_chain()), "net-conf.json": _json(_network(how))}
    return [
        objects.account(_NAME),
        objects.role(
            _NAME,
            objects.rule("", ("pods",), ("get",)),
            watched,
            objects.rule("", ("nodes/status",), ("patch",)),
        ),
        objects.binding(_NAME, _NAME, objects.program(_NAME)),
        objects.thing("v1", "ConfigMap", "kube-flannel-cfg", objects.SYSTEM, labels=_LABELS, data=data),
        objects.thing(
            "apps/v1",
            "DaemonSet",
            "kube-flannel",
            objects.SYSTEM,
            labels=_LABELS,
            spec={
                "selector": {"matchLabels": _LABELS},
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
                "template": {"metadata": {"labels": _LABELS}, "spec": _pod(how)},
            },
        ),
    ]


def _chain() -> Object:
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"name": "cbr0", "cniVersion": "1.0.0", "plugins": [_PLUGIN, ports]}


def _network(how: Flannel) -> Object:
    network: Object = {"Backend": dict(how.backend)}
    for range_ in how.pods:
        if ":" in range_:
            network |= {"IPv6Network": range_, "EnableIPv6": True}
        else:
            network["Network"] = range_
    if "Network" not in network:
        network["EnableIPv4"] = False
    return network


def _pod(how: Flannel) -> Object:
    named = {"POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace"}
    environment: list[Object] = [{"name": name, "valueFrom": objects.field(path)} for name, path in named.items()]
    told = {"EVENT_QUEUE_DEPTH": "5000", "CONT_WHEN_CACHE_NOT_READY": "false"}
    told |= {"KUBERNETES_SERVICE_HOST": how.host, "KUBERNETES_SERVICE_PORT": how.port}
    environment += [{"name": name, "value": value} for name, value in told.items() if value]
    container: Object = {
        "name": "kube-flannel",
        "image": how.image,
        "command": ["/opt/bin/flanneld"],
        "args": ["--ip-masq", "--kube-subnet-mgr", *how.flags],
        "env": environment,
        "resources": objects.resources(how.requests, how.limits),
        "securityContext": {"privileged": False, "capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}},
        "volumeMounts": [_mount("run", "/run/flannel"), _mount("flannel-cfg", "/etc/kube-flannel")],
    }
    copied: Object = {
        "name": "install-config",
        "image": how.image,
        "command": ["cp"],
        "args": ["-f", "/etc/kube-flannel/cni-conf.json", "/etc/cni/net.d/10-flannel.conflist"],
        "volumeMounts": [_mount("cni", "/etc/cni/net.d"), _mount("flannel-cfg", "/etc/kube-flannel")],
    }
    return {
        "containers": [container],
        "initContainers": [copied],
        "hostNetwork": True,
        "priorityClassName": "system-node-critical",
        "serviceAccountName": _NAME,
        "tolerations": list(objects.ANYWHERE),
        "volumes": [
            {"name": "run", "hostPath": {"path": "/run/flannel"}},
            {"name": "cni", "hostPath": {"path": "/etc/cni/net.d"}},
            {"name": "flannel-cfg", "configMap": {"name": "kube-flannel-cfg"}},
        ],
    }


def _mount(name: str, path: str) -> Object:
    return {"name": name, "mountPath": path}


def _json(value: Object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"
