"""The machine's network: interfaces, resolvers, names, the mesh."""

from typing import Annotated

from core.config.schema.addresses import Cidr, Hostname, InterfaceAddress, Ip, NegatableCidr
from core.config.schema.base import Keyed, Obsolete, Section
from core.config.schema.links import Bond, Bridge, BridgePort, DeviceSelector, DhcpOptions, Route, Vip, Vlan, Wireguard
from core.config.schema.numbers import Natural, UInt32


class Interface(Section, frozen=True):
    """Settings of one network interface."""

    interface: str = ""
    """Name (excludes deviceSelector)."""
    device_selector: DeviceSelector | None = None
    """Pick by attributes."""
    addresses: tuple[InterfaceAddress, ...] = ()
    """Static IPs, CIDR or bare."""
    cidr: Annotated[InterfaceAddress, Obsolete("addresses")] = ""
    """Old single address."""
    routes: tuple[Route, ...] = ()
    """Static routes."""
    bond: Bond | None = None
    """Bond options."""
    bridge: Bridge | None = None
    """Bridge options."""
    bridge_port: BridgePort | None = None
    """Enslave to bridge."""
    vlans: Annotated[tuple[Vlan, ...], Keyed(("vlanId",))] = ()
    """VLAN children; merged by vlanId."""
    mtu: Natural = 0
    """MTU."""
    dhcp: bool = False
    """Run DHCP."""
    ignore: bool = False
    """Leave interface alone."""
    dummy: bool = False
    """Create dummy link."""
    dhcp_options: DhcpOptions = DhcpOptions()
    """DHCP options."""
    wireguard: Wireguard | None = None
    """WireGuard options."""
    vip: Vip | None = None
    """Shared IP (control plane only)."""


class HostEntry(Section, frozen=True):
    """A line of /etc/hosts."""

    ip: Ip = ""
    """Address."""
    aliases: tuple[str, ...] = ()
    """Names."""


class KubeSpanFilters(Section, frozen=True):
    """Address filters."""

    endpoints: tuple[NegatableCidr, ...] = ()
    """CIDRs advertised as endpoints, ! negates."""
    exclude_advertised_networks: tuple[Cidr, ...] = ()
    """CIDRs kept out of the mesh."""


class KubeSpan(Section, frozen=True):
    """WireGuard mesh."""

    enabled: bool = False
    """Turn on."""
    advertise_kubernetes_networks: bool = False
    """Route pod CIDRs through the mesh."""
    allow_down_peer_bypass: bool = False
    """Send in the clear if the peer is down."""
    harvest_extra_endpoints: bool = False
    """Learn endpoints from peers."""
    mtu: UInt32 = 1420
    """Link MTU (min 1280)."""
    filters: KubeSpanFilters = KubeSpanFilters()
    """Address filters."""


class Network(Section, frozen=True):
    """Host networking (legacy form)."""

    hostname: Hostname = ""
    """Static host name."""
    interfaces: Annotated[tuple[Interface, ...], Keyed(("interface", "deviceSelector"))] = ()
    """Per-interface settings; merged by interface/deviceSelector."""
    nameservers: tuple[Ip, ...] = ()
    """DNS servers."""
    search_domains: tuple[str, ...] = ()
    """Resolv.conf search list."""
    extra_host_entries: tuple[HostEntry, ...] = ()
    """/etc/hosts extras."""
    kubespan: KubeSpan = KubeSpan()
    """WireGuard mesh."""
    disable_search_domain: bool = False
    """Do not derive search domain from FQDN."""
