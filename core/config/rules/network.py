"""The machine's network: interfaces picked one way, routes that lead somewhere, hosts with names, the mesh."""

from collections.abc import Iterator
from typing import Final

from core.codec.yaml import Path
from core.config.problems import Finding
from core.config.rules.base import Context, Rule
from core.config.schema.links import DeviceSelector, Route, Vip
from core.config.schema.network import Interface

_HERE: Final = ("machine", "network", "interfaces")


def interfaces(context: Context) -> Iterator[Finding]:
    for index, interface in enumerate(context.machine.network.interfaces):
        path = (*_HERE, index)
        yield from _picked(path, interface)
        yield from addressing(path, interface.addresses, interface.cidr, interface.routes)
        if interface.vip is not None:
            yield from _shared((*path, "vip"), interface.vip, context.control_plane or not context.role_known)
        if interface.mtu and interface.mtu < 68:
            yield Finding((*path, "mtu"), "an MTU is at least 68")


def _picked(path: Path, interface: Interface) -> Iterator[Finding]:
    selector = interface.device_selector
    if interface.interface and selector is not None:
        yield Finding((*path, "deviceSelector"), "an interface has a name or a selector, not both", at_key=True)
    elif not interface.interface and selector is None:
        yield Finding(path, "needs interface or deviceSelector")
    elif selector == DeviceSelector():
        yield Finding(
            (*path, "deviceSelector"), "selects by nothing", "name busPath, hardwareAddr or driver", at_key=True
        )


def addressing(path: Path, addresses: tuple[str, ...], cidr: str, routes: tuple[Route, ...]) -> Iterator[Finding]:
    """Addresses and routes of an interface or a VLAN."""
    if addresses and cidr:
        yield Finding((*path, "cidr"), "addresses and cidr exclude each other", "move it to addresses", at_key=True)
    for index, route in enumerate(routes):
        if not route.gateway and route.network == "default":
            yield Finding((*path, "routes", index), "needs network or gateway")


def _shared(path: Path, vip: Vip, control_plane: bool) -> Iterator[Finding]:
    if not vip.ip:
        yield Finding(path, "needs ip")
    if not control_plane:
        yield Finding(path, "only control planes share an address", "remove it", at_key=True)
    if vip.equinix_metal is not None and vip.hcloud is not None:
        yield Finding(path, "equinixMetal and hcloud exclude each other", at_key=True)


def vlans(context: Context) -> Iterator[Finding]:
    for index, interface in enumerate(context.machine.network.interfaces):
        seen: set[int] = set()
        for number, vlan in enumerate(interface.vlans):
            path = (*_HERE, index, "vlans", number)
            if not 1 <= vlan.vlan_id <= 4094:
                yield Finding((*path, "vlanId"), "a VLAN's id is 1 to 4094")
            elif vlan.vlan_id in seen:
                yield Finding((*path, "vlanId"), f"VLAN {vlan.vlan_id} is there already", "join the two")
            seen.add(vlan.vlan_id)
            yield from addressing(path, vlan.addresses, vlan.cidr, vlan.routes)
            if vlan.vip is not None:
                yield from _shared((*path, "vip"), vlan.vip, context.control_plane or not context.role_known)


def hosts(context: Context) -> Iterator[Finding]:
    for index, entry in enumerate(context.machine.network.extra_host_entries):
        path = ("machine", "network", "extraHostEntries", index)
        if not entry.ip:
            yield Finding(path, "needs ip")
        if not entry.aliases:
            yield Finding(path, "needs aliases")


def mesh(context: Context) -> Iterator[Finding]:
    kubespan = context.machine.network.kubespan
    if kubespan.mtu < 1280:
        yield Finding(("machine", "network", "kubespan", "mtu"), "the mesh needs an MTU of at least 1280")
    if kubespan.enabled and not context.cluster.discovery.enabled:
        path = ("machine", "network", "kubespan", "enabled")
        yield Finding(path, "the mesh needs discovery", "set cluster.discovery.enabled to true")


RULES: Final[tuple[Rule, ...]] = (interfaces, vlans, hosts, mesh)
