"""Addresses of links, and of the node as a whole."""

import msgspec

from core.node.resources.network.layers import NAMESPACE, ConfigLayer
from core.node.resources.values import Named, OpenNamed
from core.state import Column, Spec, resource


class Family(Named):
    """AF_*."""

    UNSPECIFIED = 0
    INET4 = 2
    INET6 = 10


class Scope(OpenNamed):
    """RT_SCOPE_* of linux/rtnetlink.h."""

    GLOBAL = 0
    SITE = 200
    LINK = 253
    HOST = 254
    NOWHERE = 255


class SortAlgorithm(Named):
    """How addresses are ordered; v2 is by prefix, then address."""

    V1 = 0
    V2 = 1


@resource("AddressSpecs.net.talos.dev", NAMESPACE)
class AddressSpec(Spec, frozen=True):
    """A link shall have this address ("10.0.0.2/24")."""

    address: str
    link_name: str
    family: Family = Family.INET4
    scope: Scope = Scope.GLOBAL
    flags: int = 0
    announce_with_arp: bool = msgspec.field(name="announceWithARP", default=False)
    priority: int = 0
    config_layer: ConfigLayer = msgspec.field(name="layer", default=ConfigLayer.DEFAULT)


@resource(
    "AddressStatuses.net.talos.dev",
    NAMESPACE,
    aliases=("address", "addresses"),
    columns=(Column("Address", "{.address}"), Column("Link", "{.linkName}")),
)
class AddressStatus(Spec, frozen=True):
    """A link has this address; the id is <link>/<address>."""

    address: str
    local: str = ""
    broadcast: str = ""
    anycast: str = ""
    multicast: str = ""
    link_index: int = 0
    link_name: str = ""
    family: Family = Family.INET4
    scope: Scope = Scope.GLOBAL
    flags: int = 0
    priority: int = 0


@resource("NodeAddresses.net.talos.dev", NAMESPACE, columns=(Column("Addresses", "{.addresses}"),))
class NodeAddress(Spec, frozen=True):
    """The node's addresses with their prefixes: id default (the first), current, routed, accumulative (all ever), and
    each but the first once more for every NodeAddressFilter (routed-no-k8s)."""

    addresses: tuple[str, ...] = ()
    sort_algorithm: SortAlgorithm = SortAlgorithm.V2


@resource("NodeAddressFilters.net.talos.dev", NAMESPACE)
class NodeAddressFilter(Spec, frozen=True):
    """Which of the node's addresses NodeAddress lists once more, under <id>-<this id>: those in one of
    `include_subnets` (all, if there are none) and in none of `exclude_subnets`."""

    include_subnets: tuple[str, ...] = ()
    exclude_subnets: tuple[str, ...] = ()
