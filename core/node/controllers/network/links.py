"""Links: LinkSpec -> kernel, kernel -> LinkStatus, and the hardware address that names the node."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from core.linux import link
from core.linux.network import Network
from core.node.controllers.network.failures import Failures
from core.node.resources.network import (
    Duplex,
    HardwareAddr,
    LinkSpec,
    LinkStatus,
    LinkType,
    OperationalState,
    Vlan,
)
from core.state import Controller, Scope, exclusive, observe, weak
from ext.netlink.types import Link

_SYS: Final = Path("/sys/class/net")


class LinkApply(Controller):
    """Brings links up and gives them their MTU. A link that is not there yet comes by its status; the kernel itself is
    asked what there is now."""

    name = "network.LinkSpecController"
    inputs = (weak(LinkSpec), weak(LinkStatus))

    def __init__(self, network: Network) -> None:
        self._network = network

    async def reconcile(self, scope: Scope) -> None:
        found = self._network.links()
        failures = Failures()
        for resource in scope.list(LinkSpec.all()):
            spec = resource.spec
            there = found.get(spec.name)
            if there is None or resource.md.tearing_down:
                continue
            up = True if spec.up and not there.flags & link.UP else None
            mtu = spec.mtu if spec.mtu not in (0, there.mtu) else None
            if up is not None or mtu is not None:
                with failures.kept(f"link {spec.name}"):
                    link.configure(self._network.rtnl, there.ifindex, up=up, mtu=mtu)
        failures.throw()


def link_status(network: Network, sys: Path = _SYS) -> Controller:
    """Every link of the node, by name."""

    async def look(_: Scope) -> Mapping[str, LinkStatus]:
        return {found.name: status_of(found, sys) for found in link.links(network.rtnl)}

    return observe("network.LinkStatusController", LinkStatus, look, lambda: network.changes([link.GROUP]))


def status_of(found: Link, sys: Path = _SYS) -> LinkStatus:
    """A link with what sysfs knows of its device."""
    return LinkStatus(
        index=found.ifindex,
        alias=found.alias,
        alt_names=found.names,
        type=LinkType(found.type),
        link_index=found.link,
        flags=found.flags,
        hardware_addr=found.address.hex(":"),
        permanent_addr=found.permanent.hex(":"),
        broadcast_addr=found.broadcast.hex(":"),
        mtu=found.mtu,
        queue_disc=found.qdisc,
        master_index=found.master,
        operational_state=OperationalState(found.state),
        kind=found.kind,
        slave_kind=found.slave_kind,
        bus_path=found.device,
        pci_id=_pci_id(sys / found.name / "device") if found.bus == "pci" else "",
        driver=_driver(sys / found.name / "device" / "driver"),
        link_state=bool(found.flags & link.LOWER_UP),
        speed_megabits=_speed(sys / found.name),
        duplex=Duplex.parse(text.title()) if (text := _read(sys / found.name / "duplex")) else Duplex.UNKNOWN,
        vlan=Vlan(vid=found.vlan_id) if found.kind == "vlan" else None,
    )


class FirstHardwareAddress(Controller):
    """LinkStatus -> HardwareAddr `first`: that of the first physical link, or where there is none (a container) of the
    first Ethernet link."""

    name = "network.HardwareAddrController"
    inputs = (weak(LinkStatus),)
    outputs = (exclusive(HardwareAddr),)

    async def reconcile(self, scope: Scope) -> None:
        ethernet = [r for r in scope.list(LinkStatus.all()) if r.spec.type is LinkType.ETHER and r.spec.hardware_addr]
        candidates = [r for r in ethernet if r.spec.physical] or [r for r in ethernet if r.spec.kind == "veth"]
        if candidates:
            first = min(candidates, key=lambda r: r.spec.index)
            scope.put("first", HardwareAddr(name=first.md.id, hardware_addr=first.spec.hardware_addr))


def _read(path: Path) -> str:
    """A sysfs attribute; "" where there is none or the driver does not answer (EINVAL on a link that is down)."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _speed(folder: Path) -> int:
    text = _read(folder / "speed")
    return int(text) if text.isdecimal() else 0


def _driver(path: Path) -> str:
    return path.resolve().name if path.exists() else ""


def _pci_id(device: Path) -> str:
    vendor, product = (_read(device / name).removeprefix("0x") for name in ("vendor", "device"))
    return f"{vendor}:{product}" if vendor and product else ""
