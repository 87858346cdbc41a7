"""Routes: what shall be, what is."""

import msgspec

from core.node.resources.network.addresses import Family, Scope
from core.node.resources.network.layers import NAMESPACE, ConfigLayer
from core.node.resources.values import OpenNamed, Value
from core.state import Column, Spec, resource


class Table(OpenNamed):
    """RT_TABLE_* of linux/rtnetlink.h; other numbers are allowed."""

    UNSPEC = 0
    DEFAULT = 253
    MAIN = 254
    LOCAL = 255


class RouteType(OpenNamed):
    """RTN_* of linux/rtnetlink.h."""

    UNSPEC = 0
    UNICAST = 1
    LOCAL = 2
    BROADCAST = 3
    ANYCAST = 4
    MULTICAST = 5
    BLACKHOLE = 6
    UNREACHABLE = 7
    PROHIBIT = 8
    THROW = 9
    NAT = 10
    X_RESOLVE = 11, "xresolve"


class Protocol(OpenNamed):
    """RTPROT_* of linux/rtnetlink.h: who made a route."""

    UNSPEC = 0
    REDIRECT = 1
    KERNEL = 2
    BOOT = 3
    STATIC = 4
    RA = 9
    DHCP = 16
    BGP = 186


class NextHop(Value, frozen=True):
    """One of several ways of a multipath route."""

    gateway: str = ""
    out_link_name: str = ""
    weight: int = 0


@resource("RouteSpecs.net.talos.dev", NAMESPACE)
class RouteSpec(Spec, frozen=True):
    """A route shall exist; an empty destination is the default route."""

    family: Family = Family.INET4
    destination: str = msgspec.field(name="dst", default="")
    source: str = msgspec.field(name="src", default="")
    gateway: str = ""
    out_link_name: str = ""
    table: Table = Table.MAIN
    priority: int = 0
    scope: Scope = Scope.GLOBAL
    type: RouteType = RouteType.UNICAST
    flags: int = 0
    protocol: Protocol = Protocol.STATIC
    config_layer: ConfigLayer = msgspec.field(name="layer", default=ConfigLayer.DEFAULT)
    mtu: int = 0
    next_hops: tuple[NextHop, ...] = ()


@resource(
    "RouteStatuses.net.talos.dev",
    NAMESPACE,
    aliases=("route", "routes"),
    columns=(
        Column("Destination", "{.dst}"),
        Column("Gateway", "{.gateway}"),
        Column("Link", "{.outLinkName}"),
        Column("Metric", "{.priority}"),
    ),
)
class RouteStatus(Spec, frozen=True):
    """A route that the kernel has."""

    family: Family = Family.INET4
    destination: str = msgspec.field(name="dst", default="")
    source: str = msgspec.field(name="src", default="")
    gateway: str = ""
    out_link_index: int = 0
    out_link_name: str = ""
    table: Table = Table.MAIN
    priority: int = 0
    scope: Scope = Scope.GLOBAL
    type: RouteType = RouteType.UNICAST
    flags: int = 0
    protocol: Protocol = Protocol.UNSPEC
    mtu: int = 0
    next_hops: tuple[NextHop, ...] = ()
