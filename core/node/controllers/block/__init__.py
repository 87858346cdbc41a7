"""Disks, what lies on them, and the node's volumes."""

from core.linux.capabilities import Capabilities
from core.linux.uevents import Listen
from core.node.controllers.block.devices import Devices, Disks
from core.node.controllers.block.discovery import Discovery
from core.node.controllers.block.folders import Folders
from core.node.controllers.block.meta import MetaKeys
from core.node.controllers.block.mounts import Mounts, runtime_mounts
from core.node.controllers.block.place import Place
from core.node.controllers.block.symlinks import Symlinks
from core.node.controllers.block.system import SystemDisks, VolumeConfigs
from core.node.controllers.block.volumes import Volumes
from core.node.controllers.block.wiping import Wiper
from core.state import Controller

__all__ = ["MetaKeys", "Place", "Wiper", "controllers"]


def controllers(
    capabilities: Capabilities, listen: Listen, place: Place | None = None, meta: MetaKeys | None = None
) -> list[Controller]:
    """The domain's controllers: on a machine over its block devices, on a container node over its folders."""
    at = place or Place()
    shared = [meta or MetaKeys(at), runtime_mounts()]
    if not capabilities.block:
        return [Folders(at), *shared]
    return [
        Devices(at, listen),
        Discovery(at),
        Symlinks(at),
        Disks(at),
        SystemDisks(),
        VolumeConfigs(),
        Volumes(at),
        Mounts(at),
        *shared,
    ]
