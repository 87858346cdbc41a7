"""The lowest layer: what a node does when nobody says anything. Loopback and every physical link up, DHCP where no
higher layer speaks of the link, public name and time servers, a name derived from the first hardware address."""

import base64
import hashlib
from fnmatch import fnmatchcase
from typing import Final

from core.node import machineconfig
from core.node.controllers.network import cmdline, selector
from core.node.controllers.network.wishes import LayerController, Wishes
from core.node.resources.config import MachineConfig
from core.node.resources.network import (
    AddressSpec,
    ConfigLayer,
    Dhcp4,
    HardwareAddr,
    LinkStatus,
    Operator,
    OperatorSpec,
    Scope,
)
from core.node.resources.runtime import KernelCmdline
from core.state import Controller, weak
from core.state import Scope as View

LAYER: Final = ConfigLayer.DEFAULT
NAME_SERVERS: Final = ("1.1.1.1", "8.8.8.8")
TIME_SERVERS: Final = ("time.cloudflare.com",)
CMDLINE: Final = KernelCmdline.at("cmdline")
CONFIG: Final = MachineConfig.at(machineconfig.ACTIVE)


def defaults() -> Controller:
    """-> network-config, layer default."""
    inputs = (weak(LinkStatus), weak(CMDLINE), weak(CONFIG), weak(HardwareAddr.at("first")))
    return LayerController("network.DefaultsController", inputs, _wishes)


def hostname_of(hardware: str) -> str:
    """A name that stays as long as the first network card does."""
    digest = hashlib.sha256(hardware.encode()).digest()
    return "ichor-" + base64.b32encode(digest)[:6].decode().lower()


def _wishes(scope: View) -> Wishes:
    wishes = Wishes(LAYER)
    wishes.resolvers(NAME_SERVERS)
    wishes.time_servers(TIME_SERVERS)
    _loopback(wishes)
    first = scope.find(HardwareAddr.at("first"))
    if first is not None:
        wishes.hostname(hostname_of(first.spec.hardware_addr))
    spoken_for = _spoken_for(scope)
    for link in scope.list(LinkStatus.all()):
        name = link.md.id
        if not link.spec.physical or _ignored(scope, name):
            continue
        wishes.link(name)
        if name not in spoken_for:
            dhcp = OperatorSpec(operator=Operator.DHCP4, link_name=name, dhcp4=Dhcp4(), config_layer=LAYER)
            wishes.add(dhcp, "dhcp4", name)
    return wishes


def _loopback(wishes: Wishes) -> None:
    """Its IPv6 address the kernel brings by itself, where it knows IPv6."""
    wishes.link("lo")
    spec = AddressSpec(address="127.0.0.1/8", link_name="lo", scope=Scope.HOST, config_layer=LAYER)
    wishes.add(spec, "lo", spec.address)


def _spoken_for(scope: View) -> set[str]:
    """Links that the command line or the config says anything about."""
    links = scope.list(LinkStatus.all())
    words = scope.find(CMDLINE)
    named = {device for device, _ in cmdline.placed(words.spec.cmdline, links)} if words is not None else set()
    config = scope.find(CONFIG)
    if config is not None:
        for interface in machineconfig.of(config).v1alpha1.machine.network.interfaces:
            named |= set(selector.names(interface, links))
    return named


def _ignored(scope: View, name: str) -> bool:
    words = scope.find(CMDLINE)
    if words is not None and any(fnmatchcase(name, glob) for glob in cmdline.ignored(words.spec.cmdline)):
        return True
    config = scope.find(CONFIG)
    if config is None:
        return False
    links = scope.list(LinkStatus.all())
    interfaces = machineconfig.of(config).v1alpha1.machine.network.interfaces
    return any(i.ignore and name in selector.names(i, links) for i in interfaces)
