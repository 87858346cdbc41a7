"""Addresses: AddressSpec -> kernel, kernel -> AddressStatus. Only addresses that carry our protocol number, or that
this process has set itself, are ever removed."""

from collections.abc import Mapping
from ipaddress import ip_address, ip_interface
from typing import Final

from core.linux import address, link
from core.linux.address import Interface
from core.linux.network import Network
from core.node.controllers.network.failures import Failures
from core.node.controllers.network.leftovers import Leftovers
from core.node.resources.network import AddressSpec, AddressStatus, Family, LinkStatus
from core.node.resources.network import Scope as AddressScope
from core.state import Controller, Scope, observe, weak
from ext.netlink.types import Address

Place = tuple[int, Interface]  # link index and address
_FAMILIES: Final = (Family.INET4, Family.INET6)


class AddressApply(Controller):
    """Lets our addresses in the kernel be those of the specs; one that vanishes comes again."""

    name = "network.AddressSpecController"
    inputs = (weak(AddressSpec), weak(AddressStatus), weak(LinkStatus))

    def __init__(self, network: Network) -> None:
        self._network = network
        self._leftovers: Leftovers[Place] = Leftovers()
        self._added: set[Place] = set()  # kernels before 5.18 do not keep the mark

    async def reconcile(self, scope: Scope) -> None:
        rtnl, failures = self._network.rtnl, Failures()
        wanted = self._wanted(scope)
        found = {(a.ifindex, address.interface_of(a)): a for a in address.addresses(rtnl)}
        self._added &= found.keys()
        ours = self._added | {place for place, a in found.items() if a.protocol == address.OWN}
        for index, interface in self._leftovers.of(scope, wanted.keys(), ours):
            with failures.kept(f"address {interface}"):
                address.remove(rtnl, index, interface)
        for (index, interface), spec in wanted.items():
            there = found.get((index, interface))
            if there is None or (spec.priority and there.priority != spec.priority):
                with failures.kept(f"address {spec.link_name}/{interface}"):
                    address.add(rtnl, index, interface, scope=spec.scope, flags=spec.flags, priority=spec.priority)
                    self._added.add((index, interface))
        failures.throw()

    def _wanted(self, scope: Scope) -> dict[Place, AddressSpec]:
        links = self._network.links()
        return {
            (links[r.spec.link_name].ifindex, ip_interface(r.spec.address)): r.spec
            for r in scope.list(AddressSpec.all())
            if r.spec.link_name in links and not r.md.tearing_down
        }


def address_status(network: Network) -> Controller:
    """Every address of the node; the id is <link>/<address>."""

    async def look(_: Scope) -> Mapping[str, AddressStatus]:
        names = {found.ifindex: found.name for found in link.links(network.rtnl)}
        statuses = {}
        for found in address.addresses(network.rtnl):
            if found.ifindex in names and found.family in _FAMILIES:
                interface = address.interface_of(found)
                statuses[f"{names[found.ifindex]}/{interface}"] = _status(found, names[found.ifindex], interface)
        return statuses

    groups = [*address.GROUPS, link.GROUP]  # a link's new name is its addresses' too
    return observe("network.AddressStatusController", AddressStatus, look, lambda: network.changes(groups))


def _status(found: Address, name: str, interface: Interface) -> AddressStatus:
    def text(raw: bytes) -> str:
        return str(ip_address(raw)) if raw else ""

    return AddressStatus(
        address=str(interface),
        local=text(found.local),
        broadcast=text(found.broadcast),
        anycast=text(found.anycast),
        link_index=found.ifindex,
        link_name=name,
        family=Family(found.family),
        scope=AddressScope(found.scope),
        flags=found.flags,
        priority=found.priority,
    )
