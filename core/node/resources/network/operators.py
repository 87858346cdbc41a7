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


@resource(
    "OperatorSpecs.net.talos.dev",
    NAMESPACE,
    sensitive=True,
    columns=(Column("Operator", "{.operator}"), Column("Link", "{.linkName}")),
)
class OperatorSpec(Spec, frozen=True):
    """An operator shall run on a link; the id is <operator>/<link>."""

    operator: Operator
    link_name: str
    require_up: bool = True
    dhcp4: Dhcp4 | None = None
    config_layer: ConfigLayer = msgspec.field(name="layer", default=ConfigLayer.DEFAULT)
