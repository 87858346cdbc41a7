"""Block devices, what lies on them, volumes and where they are mounted."""

from core.node.resources.block.devices import BlockDevice, BlockSymlink, DiscoveredVolume, Disk, SystemDisk
from core.node.resources.block.discovery import (
    DevicesDiscovered,
    DiscoveryRefreshRequest,
    DiscoveryRefreshStatus,
)
from core.node.resources.block.mounts import (
    MountRequest,
    MountStatus,
    VolumeLifecycle,
    VolumeMountRequest,
    VolumeMountStatus,
)
from core.node.resources.block.volumes import (
    DiskSelector,
    EncryptionProvider,
    Filesystem,
    FilesystemKind,
    Locator,
    Mount,
    Partition,
    Provisioning,
    SymlinkProvisioning,
    VolumeConfig,
    VolumePhase,
    VolumeStatus,
    VolumeType,
)

__all__ = [
    "BlockDevice",
    "BlockSymlink",
    "DevicesDiscovered",
    "DiscoveredVolume",
    "DiscoveryRefreshRequest",
    "DiscoveryRefreshStatus",
    "Disk",
    "DiskSelector",
    "EncryptionProvider",
    "Filesystem",
    "FilesystemKind",
    "Locator",
    "Mount",
    "MountRequest",
    "MountStatus",
    "Partition",
    "Provisioning",
    "SymlinkProvisioning",
    "SystemDisk",
    "VolumeConfig",
    "VolumeLifecycle",
    "VolumeMountRequest",
    "VolumeMountStatus",
    "VolumePhase",
    "VolumeStatus",
    "VolumeType",
]
