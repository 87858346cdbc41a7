"""CoreDNS: the names of services, and everybody else's by the node's own resolvers."""

from collections.abc import Sequence
from typing import Final

from core.cluster.kubernetes.manifests import objects
from core.cluster.kubernetes.paths import Object

_NAME: Final = "coredns"
_LABEL: Final = {"k8s-app": "kube-dns"}
_LABELS: Final = {**_LABEL, "kubernetes.io/name": "CoreDNS"}
_READ: Final = ("get", "list", "watch")
_PORTS: Final = (("dns", 53, "UDP"), ("dns-tcp", 53, "TCP"), ("metrics", 9153, "TCP"))


def dns(image: str, domain: str) -> list[Object]:
    """Two of them for the cluster's `domain`."""
    known = "endpoints", "services", "pods", "namespaces"
    seen = objects.rule("", known, ("list", "watch")), objects.rule("", ("nodes",), ("get",))
    slices = objects.rule("discovery.k8s.io", ("endpointslices",), ("list", "watch"))
    return [
        objects.account(_NAME),
        objects.role(f"system:{_NAME}", *seen, slices),
        objects.binding(f"system:{_NAME}", f"system:{_NAME}", objects.program(_NAME)),
        objects.thing("v1", "ConfigMap", _NAME, objects.SYSTEM, data={"Corefile": _corefile(domain)}),
        objects.thing(
            "apps/v1",
            "Deployment",
            _NAME,
            objects.SYSTEM,
            labels=_LABELS,
            spec={
                "replicas": 2,
                "selector": {"matchLabels": _LABEL},
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
                "template": {"metadata": {"labels": _LABEL}, "spec": _pod(image)},
            },
        ),
    ]


def service(addresses: Sequence[str]) -> list[Object]:
    """Where pods ask, one address of each family; the first is the one that every version understands."""
    ports = [{"name": name, "port": port, "protocol": protocol} for name, port, protocol in _PORTS]
    spec: Object = {"selector": _LABEL, "clusterIP": addresses[0], "ports": ports}
    if len(addresses) > 1:
        families = ["IPv6" if ":" in address else "IPv4" for address in addresses]
        spec |= {"clusterIPs": list(addresses), "ipFamilies": families, "ipFamilyPolicy": "RequireDualStack"}
    labels = {**_LABELS, "kubernetes.io/cluster-service": "true"}
    return [objects.thing("v1", "Service", "kube-dns", objects.SYSTEM, labels=labels, spec=spec)]


def _corefile(domain: str) -> str:
    plugins = (
        "errors",
        "health {\n        lameduck 5s\n    }",
        "ready",
        "log . {\n        class error\n    }",
        "prometheus :9153",
        f"kubernetes {domain} in-addr.arpa ip6.arpa {{\n        pods insecure\n"
        "        fallthrough in-addr.arpa ip6.arpa\n        ttl 30\n    }",
        "forward . /etc/resolv.conf {\n        max_concurrent 1000\n    }",
        "cache 30 {\n        denial 9984 30\n    }",
        "loop",
        "reload",
        "loadbalance",
    )
    return ".:53 {\n" + "".join(f"    {plugin}\n" for plugin in plugins) + "}\n"


def _pod(image: str) -> Object:
    container: Object = {
        "name": _NAME,
        "image": image,
        "args": ["-conf", "/etc/coredns/Corefile"],
        "resources": objects.resources({"cpu": "100m", "memory": "70Mi"}, {"memory": "170Mi"}),
        "ports": [{"name": name, "containerPort": port, "protocol": protocol} for name, port, protocol in _PORTS],
        "livenessProbe": _probe("/health", 8080, initialDelaySeconds=60, timeoutSeconds=5, failureThreshold=5),
        "readinessProbe": _probe("/ready", 8181),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": "config-volume", "mountPath": "/etc/coredns", "readOnly": True}],
    }
    apart = {"matchExpressions": [{"key": "k8s-app", "operator": "In", "values": ["kube-dns"]}]}
    preferred = {"weight": 100, "podAffinityTerm": {"labelSelector": apart, "topologyKey": "kubernetes.io/hostname"}}
    items = [{"key": "Corefile", "path": "Corefile"}]
    return {
        "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [preferred]}},
        "containers": [container],
        "dnsPolicy": "Default",
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "priorityClassName": "system-cluster-critical",
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "serviceAccountName": _NAME,
        "tolerations": list(objects.CONTROL_PLANES),
        "volumes": [{"name": "config-volume", "configMap": {"name": _NAME, "items": items}}],
    }


def _probe(path: str, port: int, **timing: int) -> Object:
    return {"httpGet": {"path": path, "port": port, "scheme": "HTTP"}, **timing}
