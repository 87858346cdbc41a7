"""Telling a segment that an address is ours from now on, by a packet socket (packet(7)). The Ethernet header is the
kernel's; what is behind it is `core.codec.neighbors`'."""

from ipaddress import IPv4Address, IPv6Address
from typing import Final

from core.codec import neighbors
from core.linux.network import Network

_ARP: Final = 0x0806
_IPV6: Final = 0x86DD


def announce(network: Network, link: str, hardware: bytes, address: IPv4Address | IPv6Address) -> None:
    """Say it once. A link without a hardware address of Ethernet's kind has nobody to tell. Raises OSError."""
    if len(hardware) != len(neighbors.EVERYBODY):
        return
    if isinstance(address, IPv4Address):
        packet, protocol, target = neighbors.arp(hardware, address), _ARP, neighbors.EVERYBODY
    else:
        packet, protocol, target = neighbors.advertisement(hardware, address), _IPV6, neighbors.ALL_NODES_MAC
    with network.sender() as sender:
        sender.sendto(packet, (link, protocol, 0, 0, target))
