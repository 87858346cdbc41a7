"""The node's own volumes: which there shall be (VolumeConfig: META, STATE, EPHEMERAL), and which disk they are on
(SystemDisk). Where they are is only looked up here; making them is the volume manager's."""

from collections.abc import Sequence
from typing import Final

from core.codec.gpt import LINUX_DATA
from core.node.machineconfig import ACTIVE
from core.node.resources.block import (
    DiscoveredVolume,
    Filesystem,
    FilesystemKind,
    Locator,
    Mount,
    Partition,
    Provisioning,
    SystemDisk,
    VolumeConfig,
)
from core.node.resources.config import MachineConfig
from core.state import Controller, Resource, Scope, exclusive, weak

META: Final = "META"
META_SIZE: Final = 1 << 20
SYSTEM: Final = ("META", "STATE", "EPHEMERAL")


def _partition(label: str, least: int, most: int) -> Partition:
    return Partition(min_size=least, max_size=most, grow=not most, label=label, type_uuid=LINUX_DATA.lower())


_XFS: Final = FilesystemKind.XFS
_PROVISIONING: Final = {
    "META": Provisioning(partition_spec=_partition("META", META_SIZE, META_SIZE), wave=0),
    "STATE": Provisioning(
        partition_spec=_partition("STATE", 100 << 20, 100 << 20),
        wave=1,
        filesystem_spec=Filesystem(type=_XFS, label="STATE"),
    ),
    "EPHEMERAL": Provisioning(
        partition_spec=_partition("EPHEMERAL", 2 << 30, 0),
        wave=2,
        filesystem_spec=Filesystem(type=_XFS, label="EPHEMERAL"),
    ),
}
MOUNTS: Final = {
    "META": Mount(),
    "STATE": Mount(target_path="/system/state", file_mode=0o700, secure=True, no_exec=True),
    "EPHEMERAL": Mount(target_path="/var", file_mode=0o755, secure=True),
}


class VolumeConfigs(Controller):
    """The three volumes. Without a config they are only looked for: nothing is made on a machine nobody has claimed."""

    name = "block.VolumeConfigController"
    inputs = (weak(MachineConfig.at(ACTIVE)),)
    outputs = (exclusive(VolumeConfig),)

    async def reconcile(self, scope: Scope) -> None:
        claimed = scope.find(MachineConfig.at(ACTIVE)) is not None
        wanted = {
            name: VolumeConfig(
                provisioning=_PROVISIONING[name] if claimed else None,
                locator=Locator(partition_label=name),
                mount=MOUNTS[name],
            )
            for name in SYSTEM
        }
        scope.sync(VolumeConfig.all(), wanted)


class SystemDisks(Controller):
    """The disk that META is on."""

    name = "block.SystemDiskController"
    inputs = (weak(DiscoveredVolume),)
    outputs = (exclusive(SystemDisk),)

    async def reconcile(self, scope: Scope) -> None:
        found = meta_volume(scope.list(DiscoveredVolume.all()))
        spec = found.spec if found is not None else None
        wanted = {} if spec is None else {"system-disk": SystemDisk(disk_id=spec.parent, dev_path=spec.parent_dev_path)}
        scope.sync(SystemDisk.all(), wanted)


def meta_volume(discovered: Sequence[Resource[DiscoveredVolume]]) -> Resource[DiscoveredVolume] | None:
    """The META partition: by label, exact size and content, because anybody may call a partition META."""
    for volume in discovered:
        spec = volume.spec
        if spec.partition_label == META and spec.size == META_SIZE and spec.name in ("", "talosmeta"):
            return volume
    return None


def is_disk(volume: Resource[DiscoveredVolume]) -> bool:
    """Whether it is a whole disk of its own, not one mapped from others."""
    return volume.spec.type == "disk" and not volume.md.id.startswith("dm-")
