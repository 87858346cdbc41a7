"""AddressStatus, LinkStatus, NodeAddressFilter -> NodeAddress: the addresses by which this node is reached."""

from collections.abc import Iterable
from ipaddress import IPv4Interface, IPv6Interface, ip_interface, ip_network
from typing import Final

from core.node.resources.network import AddressStatus, LinkStatus, NodeAddress, NodeAddressFilter, OperationalState
from core.node.resources.network import Scope as AddressScope
from core.state import Controller, Scope, exclusive, weak

_UP: Final = (OperationalState.UP, OperationalState.UNKNOWN)
_TENTATIVE_OR_FAILED: Final = 0x40 | 0x08  # IFA_F_TENTATIVE, IFA_F_DADFAILED
_DEPRECATED: Final = 0x20  # IFA_F_DEPRECATED: one that control planes share, say, which is here for a while
Interface = IPv4Interface | IPv6Interface


class NodeAddresses(Controller):
    """Ids: `current` (all of global scope on links that are up; a link's deprecated ones last), `routed` (those with
    neighbours), `default` (one, kept for as long as it is current), `accumulative` (all since the start); all but
    `default` also for each filter."""

    name = "network.NodeAddressController"
    inputs = (weak(AddressStatus), weak(LinkStatus), weak(NodeAddressFilter))
    outputs = (exclusive(NodeAddress),)

    def __init__(self) -> None:
        self._default = ""
        self._ever: dict[str, None] = {}

    async def reconcile(self, scope: Scope) -> None:
        current = [str(address) for address in self._current(scope)]
        if not current:
            return  # names and certificates stay bound to the last addresses known until there are others
        self._ever |= dict.fromkeys(current)
        groups = {
            "current": current,
            "routed": [a for a in current if ip_interface(a).network.num_addresses > 1],
            "accumulative": sorted(self._ever, key=lambda a: _order(ip_interface(a))),
        }
        wanted = {
            f"{id_}-{filter_.md.id}": NodeAddress(addresses=tuple(passing(addresses, filter_.spec)))
            for filter_ in scope.list(NodeAddressFilter.all())
            for id_, addresses in groups.items()
        }
        wanted |= {id_: NodeAddress(addresses=tuple(addresses)) for id_, addresses in groups.items()}
        if self._default not in current:
            self._default = current[0]
        scope.sync(NodeAddress.all(), wanted | {"default": NodeAddress(addresses=(self._default,))})

    def _current(self, scope: Scope) -> list[Interface]:
        up = {r.md.id: r.spec.index for r in scope.list(LinkStatus.all()) if r.spec.operational_state in _UP}
        found = []
        for resource in scope.list(AddressStatus.all()):
            spec = resource.spec
            usable = spec.scope < AddressScope.LINK and not spec.flags & _TENTATIVE_OR_FAILED
            if usable and spec.link_name in up and spec.link_name != "lo":
                late = bool(spec.flags & _DEPRECATED)
                found.append((up[spec.link_name], late, ip_interface(spec.address)))
        found.sort(key=lambda each: (each[2].version, *each[:2], _order(each[2])))
        return list(dict.fromkeys(address for _, _, address in found))


def passing(addresses: Iterable[str], filter_: NodeAddressFilter) -> list[str]:
    """Those that the filter lets through, in their order."""
    include, exclude = map(ip_network, filter_.include_subnets), map(ip_network, filter_.exclude_subnets)
    allowed, refused = list(include), list(exclude)

    def passes(text: str) -> bool:
        address = ip_interface(text).ip
        return (not allowed or any(address in net for net in allowed)) and not any(address in net for net in refused)

    return [text for text in addresses if passes(text)]


def _order(interface: Interface) -> tuple[int, int, int]:
    """IPv4 first, longer prefixes first, then by number."""
    return interface.version, -interface.network.prefixlen, int(interface.ip)
