"""PeerNetwork -> RouteSpec (layer operator), PeerRoute: with `cni: native`, the ways to the other nodes' pods. A node
on one of our segments is the gateway of its own pods; one that is not is named, for nothing carries packets there."""

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface, ip_network
from typing import Final, NamedTuple

from core.cluster.kubernetes import subnets
from core.cluster.kubernetes.subnets import Subnet
from core.node import machineconfig
from core.node.resources.cluster import PeerNetwork, PeerRoute
from core.node.resources.config import MachineConfig
from core.node.resources.k8s import Nodename, NodeStatus
from core.node.resources.network import CONFIG_NAMESPACE, AddressStatus, ConfigLayer, Family, RouteSpec, layered
from core.node.resources.network import Scope as AddressScope
from core.state import Controller, Scope, exclusive, shared, weak

_LAYER: Final = ConfigLayer.OPERATOR
_CONFIG: Final = MachineConfig.at(machineconfig.ACTIVE)
_NODENAME: Final = Nodename.at("nodename")


class Segment(NamedTuple):
    """A link on which neighbours are reached without a router, and our address there."""

    link: str
    interface: IPv4Interface | IPv6Interface


class PodRoutes(Controller):
    """Only to what lies within the config's ranges for pods and is not this node's own; of two nodes that claim one
    range, to the one that came to it last."""

    name = "k8s.PodRoutesController"
    inputs = (weak(_CONFIG), weak(PeerNetwork), weak(AddressStatus), weak(_NODENAME), weak(NodeStatus))
    outputs = (shared(RouteSpec), exclusive(PeerRoute))

    async def reconcile(self, scope: Scope) -> None:
        config = scope.find(_CONFIG)
        network = None if config is None else machineconfig.of(config).v1alpha1.cluster.network
        found: dict[str, PeerRoute] = {}
        if network is not None and network.cni.name == "native":
            pods = subnets.pods(network)
            segments = list(_segments(scope, pods))
            peers = sorted((each.spec for each in scope.list(PeerNetwork.all())), key=lambda each: -each.since)
            found = routes(peers, pods, segments, _own(scope))
        scope.sync(PeerRoute.all(), found)
        specs = {layered(_LAYER, "pods", dst): _spec(dst, route) for dst, route in found.items() if route.gateway}
        scope.sync(RouteSpec.all(CONFIG_NAMESPACE), specs)


def routes(
    peers: Iterable[PeerNetwork], pods: Sequence[Subnet], segments: Sequence[Segment], own: Iterable[Subnet]
) -> dict[str, PeerRoute]:
    """By prefix, for `peers` in the order in which their claims count."""
    taken = [(net, "this node") for net in own]
    found: dict[str, PeerRoute] = {}
    for peer in peers:
        for text in peer.pod_networks:
            net = ip_network(text)
            if text in found:
                continue  # an older claim to the very same range
            holder = next((name for other, name in taken if other.overlaps(net)), "")
            if not any(_within(net, each) for each in pods):
                found[text] = PeerRoute(nodename=peer.nodename, problem="outside of the cluster's ranges for pods")
            elif holder:
                found[text] = PeerRoute(nodename=peer.nodename, problem=f"overlaps with what {holder} has")
            else:
                taken.append((net, peer.nodename))
                found[text] = _way(peer, net, segments)
    return found


def _way(peer: PeerNetwork, net: Subnet, segments: Sequence[Segment]) -> PeerRoute:
    for text in peer.addresses:
        address = ip_address(text)
        for link, interface in segments:
            if address.version == net.version and address in interface.network and address != interface.ip:
                return PeerRoute(nodename=peer.nodename, gateway=text, link_name=link)
    return PeerRoute(nodename=peer.nodename, problem=f"no IPv{net.version} address of it is on a segment of this node")


def _segments(scope: Scope, pods: Sequence[Subnet]) -> Iterator[Segment]:
    """The pods' own bridge is none."""
    for resource in scope.list(AddressStatus.all()):
        spec, interface = resource.spec, ip_interface(resource.spec.address)
        outside = not any(interface.ip in net for net in pods)
        if (
            spec.scope < AddressScope.LINK
            and spec.link_name != "lo"
            and interface.network.num_addresses > 1
            and outside
        ):
            yield Segment(spec.link_name, interface)


def _own(scope: Scope) -> list[Subnet]:
    name = scope.find(_NODENAME)
    status = None if name is None else scope.find(NodeStatus.at(name.spec.nodename))
    return [] if status is None else [ip_network(text) for text in status.spec.pod_cidrs]


def _within(net: Subnet, other: Subnet) -> bool:
    return net.version == other.version and net.subnet_of(other)  # type: ignore[arg-type] # of one family


def _spec(dst: str, route: PeerRoute) -> RouteSpec:
    family = Family.INET6 if ":" in dst else Family.INET4
    return RouteSpec(
        family=family,
        destination=dst,
        gateway=route.gateway,
        out_link_name=route.link_name,
        priority=1024,
        config_layer=_LAYER,
    )
