"""Which links an interface section of the config means: one by name, or all that match a device selector."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from core.config.schema.links import DeviceSelector
from core.config.schema.network import Interface
from core.node.resources.network import LinkStatus
from core.state import Resource

Links = Sequence[Resource[LinkStatus]]


def names(interface: Interface, links: Links) -> list[str]:
    """Names of links; a link that is named need not exist yet, alternative names and aliases count."""
    if interface.device_selector is not None:
        return [link.md.id for link in links if _matches(interface.device_selector, link.spec)]
    for link in links:
        if interface.interface in (link.spec.alias, *link.spec.alt_names):
            return [link.md.id]
    return [interface.interface] if interface.interface else []


def _matches(selector: DeviceSelector, link: LinkStatus) -> bool:
    pairs = (
        (selector.bus_path, link.bus_path),
        (selector.hardware_addr.lower(), link.hardware_addr),
        (selector.permanent_addr.lower(), link.permanent_addr),
        (selector.pci_id.lower(), link.pci_id.lower()),
        (selector.driver, link.driver),
    )
    asked = [(glob, value) for glob, value in pairs if glob]
    if not asked and selector.physical is None:
        return False
    return all(fnmatchcase(value, glob) for glob, value in asked) and selector.physical in (None, link.physical)
