"""The machine config: where it comes from and what it says about the machine itself."""

from core.node.controllers.config.acquire import ROOM, Acquire, InForce, Mode
from core.node.controllers.config.machine_type import machine_type

__all__ = ["ROOM", "Acquire", "InForce", "Mode", "machine_type"]
