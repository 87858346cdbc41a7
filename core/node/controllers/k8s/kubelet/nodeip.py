"""MachineConfig -> NodeIPConfig; with NodeAddress -> NodeIP: the addresses by which the cluster knows this node, one of
each family that its services have."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface, ip_network
from typing import Final

from core.cluster.kubernetes import subnets
from core.node import machineconfig
from core.node.resources.config import MachineConfig
from core.node.resources.k8s import NodeIP, NodeIPConfig
from core.node.resources.network import NodeAddress
from core.state import Controller, Resource, Scope, transform, weak

KUBELET: Final = "kubelet"
_ALL: Final = {4: "0.0.0.0/0", 6: "::/0"}
_ROUTED: Final = NodeAddress.at("routed-no-k8s")
Address = IPv4Address | IPv6Address


def node_ip_config() -> Controller:
    """Id `kubelet`. Left out are pods, services and virtual addresses, which are not the node's own."""

    def derive(resource: Resource[MachineConfig], _: Scope) -> NodeIPConfig | None:
        config = machineconfig.of(resource)
        if resource.md.id != machineconfig.ACTIVE or not config.complete:
            return None
        machine, network = config.v1alpha1.machine, config.v1alpha1.cluster.network
        pods, services = subnets.pods(network), subnets.services(network)
        families = dict.fromkeys(_ALL[subnet.version] for subnet in services)
        shared = machineconfig.shared_addresses(config)
        return NodeIPConfig(
            valid_subnets=machine.kubelet.node_ip.valid_subnets or tuple(families),
            exclude_subnets=tuple(dict.fromkeys((*map(str, (*pods, *services)), *shared))),
        )

    name = "k8s.NodeIPConfigController"
    return transform(name, MachineConfig, NodeIPConfig, derive, rename=lambda _: KUBELET)


def node_ip() -> Controller:
    """Id `kubelet`. A node that has lost all its addresses keeps its last ones."""

    def derive(resource: Resource[NodeIPConfig], scope: Scope) -> NodeIP | None:
        known = scope.find(_ROUTED)
        spec = resource.spec
        chosen = choose(known.spec.addresses if known else (), spec.valid_subnets, spec.exclude_subnets)
        before = scope.find(NodeIP.at(KUBELET))
        return NodeIP(addresses=chosen) if chosen else before.spec if before else None

    return transform("k8s.NodeIPController", NodeIPConfig, NodeIP, derive, also=(weak(_ROUTED),))


def choose(addresses: Sequence[str], valid: Sequence[str], excluded: Sequence[str]) -> tuple[str, ...]:
    """The first address of each family that a valid prefix holds, in the order of the families there; a prefix with !
    before it leaves out what it holds, as an excluded one does."""
    allowed = [prefix for prefix in valid if not prefix.startswith("!")]
    refused = [*excluded, *(prefix[1:] for prefix in valid if prefix.startswith("!"))]
    found: dict[int, Address] = {}
    for prefix in allowed or _ALL.values():
        for text in addresses:
            address = ip_interface(text).ip
            if _within(address, [prefix]) and not _within(address, refused):
                found.setdefault(address.version, address)
    return tuple(map(str, found.values()))


def _within(address: Address, prefixes: Sequence[str]) -> bool:
    return any(
        address in ip_network(prefix, strict=False) if "/" in prefix else address == ip_address(prefix)
        for prefix in prefixes
    )
