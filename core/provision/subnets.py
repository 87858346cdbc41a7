"""Picks a /24 for a cluster that nobody on this machine uses: no route, no address and no other cluster overlaps it."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, ip_network
from typing import Final

from core.base.errors import Exhausted

POOL: Final = IPv4Network("10.5.0.0/16")


def pick(taken: Iterable[str]) -> IPv4Network:
    """The first /24 of POOL that overlaps none of `taken` (CIDRs; "default" and IPv6 are ignored). Raises Exhausted."""
    used = [network for text in taken if (network := _network(text)) is not None]
    for candidate in POOL.subnets(new_prefix=24):
        if not any(candidate.overlaps(network) for network in used):
            return candidate
    raise Exhausted(f"every /24 of {POOL} is in use", remedy="destroy a cluster: ichorctl cluster show")


def taken_by(routes: Sequence[dict[str, str]], clusters: Iterable[str]) -> list[str]:
    """What is in use, from `ip -json route show table all` and the subnets of recorded clusters."""
    return [*(route["dst"] for route in routes), *(subnet for subnet in clusters if subnet)]


def _network(text: str) -> IPv4Network | None:
    if text == "default" or ":" in text:
        return None
    network = ip_network(text, strict=False)
    return network if isinstance(network, IPv4Network) and network.prefixlen else None
