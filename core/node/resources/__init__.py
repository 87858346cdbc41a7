"""Every resource type of a node, one module or package per domain."""

from typing import Final

from core.node.resources import (
    block,
    cluster,
    config,
    cri,
    etcd,
    files,
    hardware,
    k8s,
    network,
    runtime,
    secrets,
    services,
    time,
)
from core.state import Registry

REGISTRY: Final = Registry.collect(
    block, cluster, config, cri, etcd, files, hardware, k8s, network, runtime, secrets, services, time
)
NAMESPACES: Final = {
    "cluster": "Cluster membership and identity.",
    "cluster-raw": "Cluster membership, one resource for each source.",
    "config": "Machine configuration.",
    "controlplane": "Kubernetes control plane.",
    "cri": "The container runtime.",
    "etcd": "etcd membership.",
    "files": "Files written by the node.",
    "hardware": "Hardware inventory.",
    "k8s": "The node in Kubernetes.",
    "meta": "Namespaces and resource definitions.",
    "network": "Networking, merged from all layers.",
    "network-config": "Networking, one resource per layer.",
    "runtime": "The running system.",
    "secrets": "Keys and certificates.",
}
