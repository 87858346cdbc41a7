"""What sits on a network interface: bonds, bridges, VLANs, shared addresses, WireGuard."""

from typing import Annotated

from msgspec import field

from core.config.schema.addresses import Cidr, HostPort, InterfaceAddress, Ip, RouteNetwork
from core.config.schema.base import Obsolete, Secret, Section
from core.config.schema.numbers import Duration, Int, Port, UInt8, UInt16, UInt32
from core.config.schema.secrets import WireguardKey, WireguardPrivateKey
from core.config.schema.words import (
    AdSelect,
    ArpAllTargets,
    ArpValidate,
    BondMode,
    FailOverMac,
    LacpRate,
    PrimaryReselect,
    XmitHashPolicy,
)


class DeviceSelector(Section, frozen=True):
    """Picks a network device by its attributes; all that are given must match."""

    bus_path: str = ""
    """Bus path glob."""
    hardware_addr: str = ""
    """MAC glob."""
    permanent_addr: str = ""
    """Permanent MAC glob."""
    pci_id: str = field(default="", name="pciID")
    """Vendor:product glob."""
    driver: str = ""
    """Kernel driver glob."""
    physical: bool | None = None
    """Only physical NICs."""


class Route(Section, frozen=True):
    """A static route."""

    network: RouteNetwork = "default"
    """Destination CIDR."""
    gateway: Ip = ""
    """Gateway; empty = link scope."""
    source: Ip = ""
    """Preferred source."""
    metric: UInt32 = 1024
    """Metric."""
    mtu: UInt32 = 0
    """Route MTU."""


class Bond(Section, frozen=True):
    """Bond options."""

    interfaces: tuple[str, ...] = ()
    """Member names."""
    device_selectors: tuple[DeviceSelector, ...] = ()
    """Members by selector."""
    arp_ip_target: tuple[str, ...] = field(default=(), name="arpIPTarget")
    """Rejected by validation."""
    mode: BondMode = ""
    """Bond mode."""
    xmit_hash_policy: XmitHashPolicy = ""
    """Layer2, layer3+4, layer2+3, encap2+3, encap3+4, vlan+srcmac."""
    lacp_rate: LacpRate = ""
    """Slow or fast (802.3ad)."""
    ad_actor_system: str = ""
    """Rejected by validation."""
    arp_validate: ArpValidate = ""
    """ARP validation mode."""
    arp_all_targets: ArpAllTargets = ""
    """Any or all."""
    primary: str = ""
    """Preferred active member."""
    primary_reselect: PrimaryReselect = ""
    """Always, better, failure."""
    fail_over_mac: FailOverMac = ""
    """None, active, follow."""
    ad_select: AdSelect = ""
    """Stable, bandwidth, count."""
    miimon: UInt32 = 0
    """MII poll ms."""
    updelay: UInt32 = 0
    """Up delay ms (multiple of miimon)."""
    downdelay: UInt32 = 0
    """Down delay ms (multiple of miimon)."""
    arp_interval: UInt32 = 0
    """ARP monitor ms."""
    resend_igmp: UInt32 = 0
    """IGMP resend count."""
    min_links: UInt32 = 0
    """Minimum active links."""
    lp_interval: UInt32 = 0
    """Learning packet interval s."""
    packets_per_slave: UInt32 = 0
    """Balance-rr burst."""
    num_peer_notif: UInt8 = 0
    """Peer notifications after failover."""
    tlb_dynamic_lb: UInt8 = 0
    """Dynamic rebalancing 0/1."""
    all_slaves_active: UInt8 = 0
    """Deliver duplicates 0/1."""
    use_carrier: bool = True
    """Carrier via MII."""
    ad_actor_sys_prio: UInt16 = 0
    """LACP system priority."""
    ad_user_port_key: UInt16 = 0
    """LACP user port key."""
    peer_notify_delay: UInt32 = 0
    """Delay between notifications ms."""


class Stp(Section, frozen=True):
    """Spanning tree."""

    enabled: bool = True
    """STP."""


class BridgeVlan(Section, frozen=True):
    """VLAN filtering."""

    vlan_filtering: bool = False
    """VLAN-aware."""


class Bridge(Section, frozen=True):
    """Bridge options."""

    interfaces: tuple[str, ...] = ()
    """Member names."""
    stp: Stp | None = None
    """Spanning tree."""
    vlan: BridgeVlan | None = None
    """VLAN filtering."""


class BridgePort(Section, frozen=True):
    """Enslave to bridge."""

    master: str = ""
    """Bridge name."""


class VipProvider(Section, frozen=True):
    """Assignment of the shared address through a provider's API."""

    api_token: Secret = ""
    """API token."""


class Vip(Section, frozen=True):
    """Shared IP."""

    ip: Ip = ""
    """Shared address."""
    equinix_metal: VipProvider | None = None
    """Equinix API assignment."""
    hcloud: VipProvider | None = None
    """Hetzner API assignment."""


class DhcpOptions(Section, frozen=True):
    """DHCP options."""

    route_metric: UInt32 = 1024
    """Metric of DHCP routes."""
    ipv4: bool = True
    """DHCPv4."""
    ipv6: bool = False
    """DHCPv6."""
    duidv6: str = ""
    """Client DUID hex."""


class Vlan(Section, frozen=True):
    """A VLAN on top of an interface."""

    addresses: tuple[InterfaceAddress, ...] = ()
    """Static IPs."""
    cidr: Annotated[InterfaceAddress, Obsolete("addresses")] = ""
    """Old single address."""
    routes: tuple[Route, ...] = ()
    """Static routes."""
    dhcp: bool = False
    """DHCP."""
    vlan_id: UInt16 = 0
    """VLAN id."""
    mtu: UInt32 = 0
    """MTU."""
    vip: Vip | None = None
    """Shared IP."""
    dhcp_options: DhcpOptions = DhcpOptions()
    """DHCP options."""


class WireguardPeer(Section, frozen=True):
    """A WireGuard peer."""

    public_key: WireguardKey = ""
    """Base64 public key."""
    endpoint: HostPort = ""
    """Ip:port."""
    persistent_keepalive_interval: Duration | None = None
    """Keepalive duration."""
    allowed_ips: tuple[Cidr, ...] = field(default=(), name="allowedIPs")
    """CIDRs routed to the peer."""


class Wireguard(Section, frozen=True):
    """WireGuard options."""

    private_key: WireguardPrivateKey = ""
    """Base64 private key."""
    listen_port: Port = 0
    """UDP port."""
    firewall_mark: Int = 0
    """Fwmark."""
    peers: tuple[WireguardPeer, ...] = ()
    """Peer list."""
