"""Operators: what runs on a link to find its configuration."""

import msgspec

from core.node.resources.network.layers import NAMESPACE, ConfigLayer
from core.node.resources.values import Named, Value
from core.state import Column, Spec, resource


class Operator(Named):
    """Kinds of operators."""

    DHCP4 = 0
    DHCP6 = 1
    VIP = 2


class ClientIdentifierKind(Named):
    """What a DHCP client calls itself."""

    NONE = 0
    MAC = 1
    DUID = 2


class ClientIdentifier(Value, frozen=True):
    """DHCP option 61."""

    client_identifier: ClientIdentifierKind = ClientIdentifierKind.NONE
    duid_raw_hex: str = ""


class Dhcp4(Value, frozen=True):
    """Options of a DHCPv4 client."""

    route_metric: int = 1024
    skip_hostname_request: bool = False
    client_identifier: ClientIdentifier = ClientIdentifier()
    skip_routes: bool = False


class Vip(Value, frozen=True):
    """An address that control planes share: the one that they have elected has it."""

    ip: str
    gratuitous_arp: bool = msgspec.field(name="gratuitousARP", default=True)


@resource(
    "OperatorSpecs.net.talos.dev",
    NAMESPACE,
    sensitive=True,
    columns=(Column("Operator", "{.operator}"), Column("Link", "{.linkName}")),
)
class OperatorSpec(Spec, frozen=True):
    """An operator shall run on a link; the id is <operator>/<link>, and of a shared address <operator>/<link>/<ip>."""

    operator: Operator
    link_name: str
    require_up: bool = True
    dhcp4: Dhcp4 | None = None
    vip: Vip | None = None
    config_layer: ConfigLayer = msgspec.field(name="layer", default=ConfigLayer.DEFAULT)


@resource(
    "SharedAddresses.network.ichor.dev",
    NAMESPACE,
    columns=(Column("Address", "{.address}"), Column("Link", "{.linkName}"), Column("Held", "{.held}")),
)
class SharedAddress(Spec, frozen=True):
    """An address for which this node stands for election (id: link/address): whether the link may have it, and until
    when at the most by the clock since boot (s), unless that is put off in time."""

    address: str
    link_name: str
    held: bool = False
    until: float = 0.0
