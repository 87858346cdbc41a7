"""Bonds, bridges and WireGuard: options that exclude each other or need a mode."""

from collections.abc import Iterator
from typing import Final

from core.codec.yaml import Path
from core.config.problems import Finding
from core.config.rules.base import Context, Rule
from core.config.schema.links import Bond
from core.config.schema.network import Interface

# option -> modes in which it means something
_MODES: Final = {
    "lacpRate": ("lacp_rate", ("802.3ad",)),
    "primary": ("primary", ("active-backup", "balance-tlb", "balance-alb")),
    "adActorSysPrio": ("ad_actor_sys_prio", ("802.3ad",)),
    "adUserPortKey": ("ad_user_port_key", ("802.3ad",)),
    "packetsPerSlave": ("packets_per_slave", ("balance-rr",)),
    "tlbDynamicLb": ("tlb_dynamic_lb", ("balance-tlb",)),
}
_REFUSED: Final = {"arpIPTarget": "arp_ip_target", "adActorSystem": "ad_actor_system"}
_NO_ARP: Final = ("802.3ad", "balance-tlb", "balance-alb")


def links(context: Context) -> Iterator[Finding]:
    for index, interface in enumerate(context.machine.network.interfaces):
        path = ("machine", "network", "interfaces", index)
        yield from _kind(path, interface)
        if interface.bond is not None:
            yield from _bond((*path, "bond"), interface.bond)
        if interface.bridge_port is not None and not interface.bridge_port.master:
            yield Finding((*path, "bridgePort"), "needs master")
        if interface.wireguard is not None:
            yield from _wireguard((*path, "wireguard"), interface)


def _kind(path: Path, interface: Interface) -> Iterator[Finding]:
    kinds = [name for name in ("bond", "bridge", "wireguard") if getattr(interface, name) is not None]
    kinds += ["dummy"] if interface.dummy else []
    for name in kinds[1:]:
        yield Finding((*path, name), f"{kinds[0]} and {name} exclude each other", at_key=True)


def _bond(path: Path, bond: Bond) -> Iterator[Finding]:
    if not bond.mode:
        yield Finding(path, "needs mode")
    if bond.interfaces and bond.device_selectors:
        yield Finding((*path, "deviceSelectors"), "interfaces and deviceSelectors exclude each other", at_key=True)
    elif not bond.interfaces and not bond.device_selectors:
        yield Finding(path, "needs interfaces or deviceSelectors")
    for key, attribute in _REFUSED.items():
        if getattr(bond, attribute):
            yield Finding((*path, key), "this option is not taken", "remove it", at_key=True)
    for key, (attribute, modes) in _MODES.items():
        if bond.mode and getattr(bond, attribute) and bond.mode not in modes:
            yield Finding((*path, key), f"means nothing in mode {bond.mode}", f"it is for {' and '.join(modes)}")
    if bond.arp_interval and bond.mode in _NO_ARP:
        yield Finding((*path, "arpInterval"), f"mode {bond.mode} cannot watch by ARP", "use miimon")
    for key, delay in (("updelay", bond.updelay), ("downdelay", bond.downdelay)):
        if delay and (not bond.miimon or delay % bond.miimon):
            yield Finding((*path, key), "must be a multiple of miimon")
    for key, value in (("tlbDynamicLb", bond.tlb_dynamic_lb), ("allSlavesActive", bond.all_slaves_active)):
        if value > 1:
            yield Finding((*path, key), "must be 0 or 1")


def _wireguard(path: Path, interface: Interface) -> Iterator[Finding]:
    assert interface.wireguard is not None
    if not interface.wireguard.private_key:
        yield Finding(path, "needs privateKey")
    for index, peer in enumerate(interface.wireguard.peers):
        if not peer.public_key:
            yield Finding((*path, "peers", index), "needs publicKey")
        if not peer.allowed_ips:
            yield Finding((*path, "peers", index), "needs allowedIPs")


RULES: Final[tuple[Rule, ...]] = (links,)
