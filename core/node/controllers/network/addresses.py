"""Addresses: AddressSpec -> kernel, kernel -> AddressStatus. Only addresses that carry our protocol number, or that
this process has set itself, are ever removed. One that control planes share is there on a lease (`SharedAddress`): the
kernel takes it off when that is over, whoever lives then."""

from collections.abc import Mapping
from ipaddress import ip_address, ip_interface
from typing import Final

from core.linux import address, link
from core.linux.address import Interface
from core.linux.announce import announce
from core.linux.network import Network
from core.node.controllers.network.failures import Failures
from core.node.controllers.network.leftovers import Leftovers
from core.node.resources.network import AddressSpec, AddressStatus, Family, LinkStatus, SharedAddress
from core.node.resources.network import Scope as AddressScope
from core.state import Controller, Scope, observe, weak
from ext.netlink.types import Address

Place = tuple[int, Interface]  # link index and address
_EARLY: Final = 1.0  # s: so much later than it should may the kernel take an address off
_ANNOUNCED: Final = 2  # times
_FAMILIES: Final = (Family.INET4, Family.INET6)


class AddressApply(Controller):
    """Lets our addresses in the kernel be those of the specs; one that vanishes comes again."""

    name = "network.AddressSpecController"
    inputs = (weak(AddressSpec), weak(AddressStatus), weak(LinkStatus), weak(SharedAddress))

    def __init__(self, network: Network) -> None:
        self._network = network
        self._leftovers: Leftovers[Place] = Leftovers()
        self._added: set[Place] = set()  # kernels before 5.18 do not keep the mark
        self._leases: dict[Place, tuple[float, int]] = {}  # its end, how often it was told

    async def reconcile(self, scope: Scope) -> None:
        rtnl, failures = self._network.rtnl, Failures()
        wanted = self._wanted(scope)
        found = {(a.ifindex, address.interface_of(a)): a for a in address.addresses(rtnl)}
        self._added &= found.keys()
        ours = self._added | {place for place, a in found.items() if a.protocol == address.OWN}
        for index, interface in self._leftovers.of(scope, wanted.keys(), ours):
            with failures.kept(f"address {interface}"):
                address.remove(rtnl, index, interface)
        for place, spec in wanted.items():
            with failures.kept(f"address {spec.link_name}/{place[1]}"):
                if spec.announce_with_arp:
                    self._lend(scope, place, spec, there=place in found)
                else:
                    self._add(place, spec, found.get(place))
        self._leases = {place: known for place, known in self._leases.items() if place in wanted}
        failures.throw()

    def _add(self, place: Place, spec: AddressSpec, there: Address | None) -> None:
        if there is None or (spec.priority and there.priority != spec.priority):
            rtnl = self._network.rtnl
            address.add(rtnl, *place, scope=spec.scope, flags=spec.flags, priority=spec.priority)
            self._added.add(place)

    def _lend(self, scope: Scope, place: Place, spec: AddressSpec, *, there: bool) -> None:
        """For as long as the lease lasts, told to the segment when it comes and once more. Nothing is sent from it by
        itself: its preferred time is over."""
        until, now = _until(scope, spec), scope.clock.monotonic()
        before, told = self._leases.get(place, (0.0, 0)) if there else (0.0, 0)
        if before != until and until - now >= _EARLY + 1:
            flags = spec.flags | (address.NO_DAD if spec.family is Family.INET6 else 0)
            address.add(self._network.rtnl, *place, flags=flags, valid=int(until - now - _EARLY), preferred=0)
            self._added.add(place)
            self._leases[place] = until, told + 1
            if told < _ANNOUNCED:
                announce(self._network, spec.link_name, self._network.links()[spec.link_name].address, place[1].ip)

    def _wanted(self, scope: Scope) -> dict[Place, AddressSpec]:
        links = self._network.links()
        return {
            (links[r.spec.link_name].ifindex, ip_interface(r.spec.address)): r.spec
            for r in scope.list(AddressSpec.all())
            if r.spec.link_name in links and not r.md.tearing_down
            if not r.spec.announce_with_arp or _until(scope, r.spec)
        }


def _until(scope: Scope, spec: AddressSpec) -> float:
    """When a lease ends (monotonic s); 0 when there is none."""
    lease = scope.find(SharedAddress.at(f"{spec.link_name}/{spec.address}"))
    return lease.spec.until if lease is not None and lease.spec.held else 0.0


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
