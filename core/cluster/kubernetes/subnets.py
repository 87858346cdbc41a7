"""The ranges that Kubernetes gives addresses from, as the machine config says or by default."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from core.config.schema.cluster import ClusterNetwork

Subnet = IPv4Network | IPv6Network
PODS: Final = ("10.244.0.0/16",)
SERVICES: Final = ("10.96.0.0/12",)


def pods(network: ClusterNetwork) -> tuple[Subnet, ...]:
    """What the nodes' pod ranges are cut from."""
    return tuple(ip_network(text, strict=False) for text in network.pod_subnets or PODS)


def services(network: ClusterNetwork) -> tuple[Subnet, ...]:
    """What services' addresses are of."""
    return tuple(ip_network(text, strict=False) for text in network.service_subnets or SERVICES)
