"""-> Endpoint: where the control plane is, as each source knows it. The config's endpoint is `kube-apiserver`, the
members that discovery knows are `discovery`; who only wants to know asks `core.node.controlplanes`."""

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

from core.config.schema.addresses import split_url
from core.node import machineconfig
from core.node.controlplanes import DISCOVERED, STATIC
from core.node.resources.cluster import Member
from core.node.resources.config import MachineConfig
from core.node.resources.k8s import Endpoint
from core.state import Controller, Scope, shared, weak

_CONFIG: Final = MachineConfig.at(machineconfig.ACTIVE)


class StaticEndpoint(Controller):
    """Id `kube-apiserver`, while there is a config: an address, or a host's name."""

    name = "k8s.StaticEndpointController"
    inputs = (weak(_CONFIG),)
    outputs = (shared(Endpoint),)

    async def reconcile(self, scope: Scope) -> None:
        config = scope.find(_CONFIG)
        url = "" if config is None else machineconfig.of(config).v1alpha1.cluster.control_plane.endpoint
        host = split_url(url).hostname if url else None
        scope.sync(Endpoint.all(), {STATIC: endpoint([host])} if host else {})


class DiscoveredEndpoints(Controller):
    """Id `discovery`, while a member of the control plane is known."""

    name = "cluster.EndpointController"
    inputs = (weak(Member),)
    outputs = (shared(Endpoint),)

    async def reconcile(self, scope: Scope) -> None:
        members = [resource.spec for resource in scope.list(Member.all())]
        leading = [address for each in members if each.control_plane is not None for address in each.addresses]
        scope.sync(Endpoint.all(), {DISCOVERED: endpoint(leading)} if leading else {})


def endpoint(hosts: Iterable[str]) -> Endpoint:
    """Addresses in order, and names as they came."""
    addresses, names = [], []
    for host in dict.fromkeys(hosts):
        try:
            addresses.append(ip_address(host))
        except ValueError:
            names.append(host)
    ordered = sorted(addresses, key=lambda address: (address.version, int(address)))
    return Endpoint(addresses=tuple(map(str, ordered)), hosts=tuple(names))
