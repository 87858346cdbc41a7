"""AddressStatus, LinkStatus -> NodeAddress: the addresses by which this node is reached."""

from ipaddress import IPv4Interface, IPv6Interface, ip_interface
from typing import Final

from core.node.resources.network import AddressStatus, LinkStatus, NodeAddress, OperationalState
from core.node.resources.network import Scope as AddressScope
from core.state import Controller, Scope, exclusive, weak

_UP: Final = (OperationalState.UP, OperationalState.UNKNOWN)
_TENTATIVE_OR_FAILED: Final = 0x40 | 0x08  # IFA_F_TENTATIVE, IFA_F_DADFAILED
Interface = IPv4Interface | IPv6Interface


class NodeAddresses(Controller):
    """Ids: `current` (all of global scope on links that are up), `routed` (those with neighbours), `default` (one,
    kept for as long as it is current), `accumulative` (all since the start)."""

    name = "network.NodeAddressController"
    inputs = (weak(AddressStatus), weak(LinkStatus))
    outputs = (exclusive(NodeAddress),)

    def __init__(self) -> None:
        self._default = ""
        self._ever: dict[str, None] = {}

    async def reconcile(self, scope: Scope) -> None:
        current = [str(address) for address in self._current(scope)]
        if not current:
            return  # names and certificates stay bound to the last addresses known until there are others
        if self._default not in current:
            self._default = current[0]
        self._ever |= dict.fromkeys(current)
        routed = [a for a in current if ip_interface(a).network.num_addresses > 1]
        for id_, addresses in {
            "default": (self._default,),
            "current": tuple(current),
            "routed": tuple(routed),
            "accumulative": tuple(sorted(self._ever, key=lambda a: _order(ip_interface(a)))),
        }.items():
            scope.put(id_, NodeAddress(addresses=addresses))

    def _current(self, scope: Scope) -> list[Interface]:
        up = {r.md.id: r.spec.index for r in scope.list(LinkStatus.all()) if r.spec.operational_state in _UP}
        found = []
        for resource in scope.list(AddressStatus.all()):
            spec = resource.spec
            usable = spec.scope < AddressScope.LINK and not spec.flags & _TENTATIVE_OR_FAILED
            if usable and spec.link_name in up and spec.link_name != "lo":
                found.append((up[spec.link_name], ip_interface(spec.address)))
        return list(
            dict.fromkeys(a for _, a in sorted(found, key=lambda pair: (pair[1].version, pair[0], _order(pair[1]))))
        )


def _order(interface: Interface) -> tuple[int, int, int]:
    """IPv4 first, longer prefixes first, then by number."""
    return interface.version, -interface.network.prefixlen, int(interface.ip)
