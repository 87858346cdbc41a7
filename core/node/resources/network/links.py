"""Links: what they shall be, what they are."""

import msgspec

from core.node.resources.network.layers import NAMESPACE, ConfigLayer
from core.node.resources.values import Named, OpenNamed, Value
from core.state import Column, Spec, resource


class LinkType(OpenNamed):
    """ARPHRD_* of linux/if_arp.h."""

    NETROM = 0
    ETHER = 1
    INFINIBAND = 32
    SLIP = 256
    CAN = 280
    PPP = 512
    TUNNEL = 768, "ipip"
    TUNNEL6 = 769, "tunnel6"
    LOOPBACK = 772
    SIT = 776
    GRE = 778
    IEEE80211 = 801
    GRE6 = 823, "ip6gre"
    NETLINK = 824
    NONE = 65534, "nohdr"
    VOID = 65535


class OperationalState(OpenNamed):
    """IF_OPER_* of linux/if.h (RFC 2863)."""

    UNKNOWN = 0
    NOT_PRESENT = 1, "notPresent"
    DOWN = 2
    LOWER_LAYER_DOWN = 3, "lowerLayerDown"
    TESTING = 4
    DORMANT = 5
    UP = 6


class Port(OpenNamed):
    """PORT_* of linux/ethtool.h."""

    TWISTED_PAIR = 0, "TwistedPair"
    AUI = 1, "AUI"
    MII = 2, "MII"
    FIBRE = 3, "Fibre"
    BNC = 4, "BNC"
    DIRECT_ATTACH = 5, "DirectAttach"
    NONE = 239, "None"
    OTHER = 255, "Other"


class Duplex(OpenNamed):
    """DUPLEX_* of linux/ethtool.h."""

    HALF = 0, "Half"
    FULL = 1, "Full"
    UNKNOWN = 255, "Unknown"


class VlanProtocol(Named):
    """EtherType of a VLAN tag."""

    UNSPECIFIED = 0
    Q = 0x8100, "802.1q"
    AD = 0x88A8, "802.1ad"


class Vlan(Value, frozen=True):
    """A VLAN on the parent link."""

    vid: int = msgspec.field(name="vlanID", default=0)
    protocol: VlanProtocol = msgspec.field(name="vlanProtocol", default=VlanProtocol.Q)


class Veth(Value, frozen=True):
    """One end of a virtual cable."""

    peer_name: str = ""


class Stp(Value, frozen=True):
    """Spanning tree."""

    enabled: bool = False


class BridgeVlan(Value, frozen=True):
    """VLANs of a bridge."""

    filtering_enabled: bool = False


class BridgeMaster(Value, frozen=True):
    """A bridge."""

    stp: Stp = Stp()
    vlan: BridgeVlan = BridgeVlan()


class BridgeSlave(Value, frozen=True):
    """A port of a bridge."""

    master_name: str = ""


@resource("LinkSpecs.net.talos.dev", NAMESPACE, sensitive=True)
class LinkSpec(Spec, frozen=True):
    """A link shall be like this; `logical` ones (vlan, bridge, veth) are created and removed."""

    name: str
    logical: bool = False
    up: bool = False
    mtu: int = 0
    kind: str = ""
    type: LinkType = LinkType.NETROM
    hardware_address: str = msgspec.field(name="hardwareAddr", default="")
    parent_name: str = ""
    bridge_slave: BridgeSlave | None = None
    vlan: Vlan | None = None
    bridge_master: BridgeMaster | None = None
    veth: Veth | None = None
    multicast: bool | None = None
    config_layer: ConfigLayer = msgspec.field(name="layer", default=ConfigLayer.DEFAULT)


@resource(
    "LinkStatuses.net.talos.dev",
    NAMESPACE,
    aliases=("link", "links"),
    columns=(
        Column("Alias", "{.alias}"),
        Column("Type", "{.type}"),
        Column("Kind", "{.kind}"),
        Column("Hw Addr", "{.hardwareAddr}"),
        Column("Oper State", "{.operationalState}"),
        Column("Link State", "{.linkState}"),
    ),
)
class LinkStatus(Spec, frozen=True):
    """A link as the kernel and its driver tell; the id is its name."""

    index: int
    alias: str = ""
    alt_names: tuple[str, ...] = ()
    type: LinkType = LinkType.NETROM
    link_index: int = 0
    flags: int = 0
    hardware_addr: str = ""
    permanent_addr: str = ""
    broadcast_addr: str = ""
    mtu: int = 0
    queue_disc: str = ""
    master_index: int = 0
    operational_state: OperationalState = OperationalState.UNKNOWN
    kind: str = ""
    slave_kind: str = ""
    bus_path: str = ""
    pci_id: str = msgspec.field(name="pciID", default="")
    driver: str = ""
    driver_version: str = ""
    firmware_version: str = ""
    product_id: str = msgspec.field(name="productID", default="")
    vendor_id: str = msgspec.field(name="vendorID", default="")
    product: str = ""
    vendor: str = ""
    link_state: bool = False
    speed_megabits: int = msgspec.field(name="speedMbit", default=0)
    port: Port = Port.TWISTED_PAIR
    duplex: Duplex = Duplex.UNKNOWN
    vlan: Vlan | None = None
    bridge_master: BridgeMaster | None = None
    veth: Veth | None = None

    @property
    def physical(self) -> bool:
        """A device, not something made of software."""
        return self.type is LinkType.ETHER and not self.kind


@resource("LinkRefreshes.net.talos.dev", NAMESPACE)
class LinkRefresh(Spec, frozen=True):
    """Links were changed by us; those who observe look again."""

    generation: int = 0


@resource("HardwareAddresses.net.talos.dev", NAMESPACE, columns=(Column("Address", "{.hardwareAddr}"),))
class HardwareAddr(Spec, frozen=True):
    """The address that names this node; id `first` is the first physical link's."""

    name: str
    hardware_addr: str = ""
