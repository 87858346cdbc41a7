"""The highest layer: the machine config's network section. Static addresses and routes, DHCP, name, resolvers, time
servers. Links of kinds that the node does not make yet (bonds, bridges, VLANs) are not here; `core.config.support`
says so to whoever applies such a config."""

from ipaddress import ip_address, ip_interface, ip_network
from typing import Final

from core.config.schema.links import Route
from core.config.schema.network import Interface, Network
from core.node import machineconfig
from core.node.controllers.network import selector
from core.node.controllers.network.wishes import LayerController, Wishes
from core.node.resources.config import MachineConfig
from core.node.resources.network import (
    AddressSpec,
    ConfigLayer,
    Dhcp4,
    Family,
    LinkStatus,
    Operator,
    OperatorSpec,
    RouteSpec,
    Scope,
    Vip,
)
from core.state import Controller, weak
from core.state import Scope as View

LAYER: Final = ConfigLayer.CONFIGURATION
CONFIG: Final = MachineConfig.at(machineconfig.ACTIVE)


def from_config() -> Controller:
    """-> network-config, layer configuration."""
    return LayerController("network.ConfigController", (weak(CONFIG), weak(LinkStatus)), _wishes)


def _wishes(scope: View) -> Wishes:
    wishes = Wishes(LAYER)
    resource = scope.find(CONFIG)
    if resource is None:
        return wishes
    machine = machineconfig.of(resource).v1alpha1.machine
    links = scope.list(LinkStatus.all())
    for interface in machine.network.interfaces:
        if not interface.ignore:
            for name in selector.names(interface, links):
                _interface(wishes, name, interface)
    _names(wishes, machine.network)
    if machine.time.servers and not machine.time.disabled:
        wishes.time_servers(machine.time.servers)
    return wishes


def _names(wishes: Wishes, network: Network) -> None:
    if network.hostname:
        wishes.hostname(network.hostname)
    if network.nameservers or network.search_domains or network.disable_search_domain:
        wishes.resolvers(network.nameservers, network.search_domains, alone=network.disable_search_domain)


def _interface(wishes: Wishes, name: str, interface: Interface) -> None:
    wishes.link(name, mtu=interface.mtu)
    for text in (*interface.addresses, interface.cidr):
        if text:
            wishes.add(_address(name, text), name, str(ip_interface(text)))
    for route in interface.routes:
        spec = route_spec(name, route)
        wishes.add(spec, name, spec.destination or "default", spec.gateway, str(spec.priority))
    if interface.dhcp and interface.dhcp_options.ipv4:
        dhcp = Dhcp4(route_metric=interface.dhcp_options.route_metric)
        operator = OperatorSpec(operator=Operator.DHCP4, link_name=name, dhcp4=dhcp, config_layer=LAYER)
        wishes.add(operator, "dhcp4", name)
    if interface.vip is not None and interface.vip.ip and not (interface.vip.equinix_metal or interface.vip.hcloud):
        wishes.add(_shared(name, interface.vip.ip), "vip", name, interface.vip.ip)


def _shared(link: str, ip: str) -> OperatorSpec:
    return OperatorSpec(operator=Operator.VIP, link_name=link, vip=Vip(ip=str(ip_address(ip))), config_layer=LAYER)


def _address(link: str, text: str) -> AddressSpec:
    interface = ip_interface(text)
    family = Family.INET4 if interface.version == 4 else Family.INET6
    return AddressSpec(address=str(interface), link_name=link, family=family, config_layer=LAYER)


def route_spec(link: str, route: Route) -> RouteSpec:
    """A route of the config; without a gateway it leads to the link itself."""
    everywhere = route.network in ("", "default")
    tells = route.gateway or route.source or "0.0.0.0"
    version = ip_address(tells).version if everywhere else ip_interface(route.network).version
    network = "" if everywhere else str(ip_network(route.network, strict=False))
    return RouteSpec(
        family=Family.INET4 if version == 4 else Family.INET6,
        destination="" if network in ("0.0.0.0/0", "::/0") else network,
        source=route.source,
        gateway=route.gateway,
        out_link_name=link,
        priority=route.metric or 1024,
        scope=Scope.GLOBAL if route.gateway else Scope.LINK,
        mtu=route.mtu,
        config_layer=LAYER,
    )
