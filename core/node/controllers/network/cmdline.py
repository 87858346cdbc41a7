"""The layer of the kernel's command line: `ip=` in the kernel's own form with dracut's additions (IPv6 in brackets,
name and time servers at the end, `ip=<device>:dhcp`), and `talos.hostname=`. A word that makes no sense is logged
and passed over: a node must come up even when somebody mistyped at the boot prompt."""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface
from typing import Final

from core.node.controllers.network.wishes import LayerController, Wishes
from core.node.resources.network import (
    AddressSpec,
    ConfigLayer,
    Dhcp4,
    Family,
    LinkStatus,
    Operator,
    OperatorSpec,
    RouteSpec,
)
from core.node.resources.runtime import KernelCmdline
from core.state import Controller, Resource, Scope, weak

log = logging.getLogger("network")

LAYER: Final = ConfigLayer.CMDLINE
METRIC: Final = 1024
_CMDLINE: Final = KernelCmdline.at("cmdline")
_FIELD: Final = re.compile(r"\[([^]]*)\]|([^:]*)")
_DHCP: Final = ("dhcp", "on", "any", "both", "dhcp4")
_STATIC: Final = ("", "off", "none", "static")


@dataclass(frozen=True, slots=True)
class Ip:
    """One `ip=` word. `device` "" is the first physical link."""

    device: str = ""
    dhcp: bool = False
    interface: IPv4Interface | IPv6Interface | None = None
    gateway: str = ""
    hostname: str = ""
    dns: tuple[str, ...] = ()
    ntp: tuple[str, ...] = ()


def from_cmdline() -> Controller:
    """-> network-config, layer cmdline."""
    return LayerController("network.CmdlineController", (weak(_CMDLINE), weak(LinkStatus)), _wishes)


def values(words: str, key: str) -> list[str]:
    """What stands behind `key=`, for each time it is there."""
    return [word.partition("=")[2] for word in words.split() if word.startswith(key + "=")]


def ignored(words: str) -> list[str]:
    """Globs of links to leave alone."""
    return [glob for value in values(words, "talos.network.interface.ignore") for glob in value.split(",") if glob]


@lru_cache(maxsize=2)
def settings(words: str) -> tuple[Ip, ...]:
    """Every `ip=` that makes sense."""
    return tuple(_sensible(values(words, "ip")))


def placed(words: str, links: Sequence[Resource[LinkStatus]]) -> list[tuple[str, Ip]]:
    """The settings with the links they are for. One without a device waits for the first physical link, or the first
    Ethernet link when there is no other kind."""
    ethernet = sorted((link for link in links if link.spec.type == 1), key=lambda link: link.spec.index)
    first = next((link.md.id for link in sorted(ethernet, key=lambda link: not link.spec.physical)), "")
    return [(ip.device or first, ip) for ip in settings(words) if ip.device or first]


def _sensible(words: Sequence[str]) -> Iterator[Ip]:
    for word in words:
        try:
            yield parse(word)
        except ValueError as error:
            log.warning("command line: ip=%s is passed over: %s", word, error)


def parse(word: str) -> Ip:
    """`<client>:<server>:<gateway>:<netmask>:<hostname>:<device>:<autoconf>:<dns>:<dns>:<ntp>`, `dhcp`, or
    `<device>:dhcp`. Raises ValueError."""
    fields = _split(word)
    if len(fields) == 1 and fields[0] in _DHCP:
        return Ip(dhcp=True)
    if len(fields) == 2 and fields[1] in _DHCP:
        return Ip(device=fields[0], dhcp=True)
    client, _, gateway, mask, hostname, device, method, dns0, dns1, ntp = (*fields, *[""] * 10)[:10]
    if method not in (*_DHCP, *_STATIC):
        raise ValueError(f"{method!r} is no way to configure a link")
    interface = ip_interface(f"{client}/{mask}" if mask and "/" not in client else client) if client else None
    if interface is None and method not in _DHCP:
        raise ValueError("neither an address nor dhcp")
    for address in (gateway, dns0, dns1):
        if address:
            ip_address(address)
    return Ip(
        device=device,
        dhcp=interface is None,
        interface=interface,
        gateway=gateway,
        hostname=hostname,
        dns=tuple(server for server in (dns0, dns1) if server),
        ntp=(ntp,) if ntp else (),
    )


def _split(word: str) -> list[str]:
    """Fields between colons; what stands in brackets keeps its own."""
    fields, at = [], 0
    while at <= len(word):
        match = _FIELD.match(word, at)
        assert match is not None  # the pattern matches the empty text
        if word[match.end() : match.end() + 1] not in ("", ":"):
            raise ValueError("text after a bracket")
        fields.append(match[1] if match[1] is not None else match[2])
        at = match.end() + 1
    return fields


def _wishes(scope: Scope) -> Wishes:
    wishes = Wishes(LAYER)
    resource = scope.find(_CMDLINE)
    if resource is None:
        return wishes
    words = resource.spec.cmdline
    for device, ip in placed(words, scope.list(LinkStatus.all())):
        _place(wishes, device, ip)
    dns = [server for ip in settings(words) for server in ip.dns]
    ntp = [server for ip in settings(words) for server in ip.ntp]
    if dns:
        wishes.resolvers(dns)
    if ntp:
        wishes.time_servers(ntp)
    hostnames = [ip.hostname for ip in settings(words) if ip.hostname] + values(words, "talos.hostname")
    if hostnames:
        wishes.hostname(hostnames[-1])
    return wishes


def _place(wishes: Wishes, device: str, ip: Ip) -> None:
    wishes.link(device)
    if ip.dhcp:
        spec = OperatorSpec(operator=Operator.DHCP4, link_name=device, dhcp4=Dhcp4(), config_layer=LAYER)
        wishes.add(spec, "dhcp4", device)
    if ip.interface is not None:
        family = Family.INET4 if ip.interface.version == 4 else Family.INET6
        address = str(ip.interface)
        wishes.add(AddressSpec(address=address, link_name=device, family=family, config_layer=LAYER), device, address)
    if ip.gateway:
        family = Family.INET4 if ip_address(ip.gateway).version == 4 else Family.INET6
        route = RouteSpec(family=family, gateway=ip.gateway, out_link_name=device, priority=METRIC, config_layer=LAYER)
        wishes.add(route, device, ip.gateway)
