"""The machine's parts and their drivers, kernel modules, and what guards the image."""

from collections.abc import Callable

from core.linux.capabilities import Capabilities
from core.linux.uevents import Listen
from core.node.controllers.hardware.button import PowerButton
from core.node.controllers.hardware.imagecheck import image_check
from core.node.controllers.hardware.integrity import Integrity
from core.node.controllers.hardware.machine import Machine, pci_devices
from core.node.controllers.hardware.modules import ModuleConfig, loaded_modules, module_loader, module_statuses
from core.node.controllers.hardware.plug import Plug
from core.node.events import Publisher
from core.state import Controller

__all__ = ["PowerButton", "controllers", "image_check"]


def controllers(
    capabilities: Capabilities, listen: Listen, events: Publisher, now: Callable[[], float]
) -> list[Controller]:
    """The domain's controllers. A container node shows nothing of its host's hardware and loads no module."""
    guards: list[Controller] = [Plug(capabilities, listen), Integrity(capabilities, listen, events, now)]
    if not capabilities.modules:
        return guards
    return [
        *guards,
        Machine(),
        pci_devices(),
        ModuleConfig(),
        module_loader(capabilities),
        loaded_modules(listen),
        module_statuses(listen),
    ]
