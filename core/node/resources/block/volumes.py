"""Volumes: what is wanted of them, where they were found or made, how far they are."""

import msgspec

from core.node.resources.values import Named, Seconds, Value
from core.state import Column, Spec, resource


class VolumeType(Named):
    """What a volume is made of."""

    PARTITION = 0
    DISK = 1
    TMPFS = 2
    DIRECTORY = 3
    SYMLINK = 4
    OVERLAY = 5
    EXTERNAL = 6


class VolumePhase(Named):
    """How far a volume is."""

    WAITING = 0
    FAILED = 1
    MISSING = 2
    LOCATED = 3
    PROVISIONED = 4
    PREPARED = 5
    READY = 6
    CLOSED = 7


class FilesystemKind(Named):
    """Filesystems that volumes have."""

    NONE = 0
    XFS = 1
    VFAT = 2
    EXT4 = 3
    ISO9660 = 4
    SWAP = 5
    VIRTIOFS = 6
    BTRFS = 7


class EncryptionProvider(Named):
    """How a volume is encrypted."""

    NONE = 0
    LUKS2 = 1


class DiskSelector(Value, frozen=True):
    """Which disk: a CEL expression over disks, as text (`external`: chosen by somebody else)."""

    external: str = ""


class Partition(Value, frozen=True):
    """A partition to make; sizes in bytes, `max_size` 0 is no limit."""

    min_size: int = 0
    max_size: int = 0
    grow: bool = False
    label: str = ""
    type_uuid: str = msgspec.field(name="typeUUID", default="")


class Filesystem(Value, frozen=True):
    """A filesystem to make."""

    type: FilesystemKind = FilesystemKind.NONE
    label: str = ""


class Provisioning(Value, frozen=True):
    """How to make a volume that is not there; lower waves first."""

    disk_selector: DiskSelector = DiskSelector()
    partition_spec: Partition = Partition()
    wave: int = 0
    filesystem_spec: Filesystem = Filesystem()


class Locator(Value, frozen=True, rename=None):
    """How to find a volume that is there: the partition's label. The wire's form is a checked CEL expression, which
    needs a CEL compiler; none is sent."""

    partition_label: str = ""


class Mount(Value, frozen=True):
    """Where and how a volume is mounted."""

    target_path: str = ""
    selinux_label: str = ""
    project_quota_support: bool = False
    parent_id: str = msgspec.field(name="parentID", default="")
    file_mode: int = 0
    uid: int = 0
    gid: int = 0
    bind_target: str | None = None
    secure: bool = False
    no_exec: bool = False


class SymlinkProvisioning(Value, frozen=True):
    """Where a symlink volume points."""

    symlink_target_path: str = ""
    force: bool = False


@resource("VolumeConfigs.block.talos.dev", "runtime", sensitive=True, columns=(Column("Type", "{.type}"),))
class VolumeConfig(Spec, frozen=True):
    """A volume shall be there; the id is its name (META, STATE, EPHEMERAL)."""

    parent_id: str = ""
    type: VolumeType = VolumeType.PARTITION
    provisioning: Provisioning | None = None
    locator: Locator | None = None
    mount: Mount = Mount()
    symlink: SymlinkProvisioning | None = None


@resource(
    "VolumeStatuses.block.talos.dev",
    "runtime",
    columns=(
        Column("Type", "{.type}"),
        Column("Phase", "{.phase}"),
        Column("Location", "{.location}"),
        Column("Size", "{.prettySize}"),
    ),
)
class VolumeStatus(Spec, frozen=True):
    """How far a volume is, and where it was found."""

    phase: VolumePhase = VolumePhase.WAITING
    pre_fail_phase: VolumePhase = VolumePhase.WAITING
    type: VolumeType = VolumeType.PARTITION
    parent_id: str = msgspec.field(name="parentID", default="")
    location: str = ""
    mount_location: str = ""
    partition_index: int = 0
    parent_location: str = ""
    uuid: str = ""
    partition_uuid: str = msgspec.field(name="partitionUUID", default="")
    size: int = 0
    pretty_size: str = ""
    filesystem: FilesystemKind = FilesystemKind.NONE
    encryption_provider: EncryptionProvider = EncryptionProvider.NONE
    trim_enabled: bool = False
    trim_interval: Seconds = 0.0
    mount_spec: Mount = Mount()
    symlink_spec: SymlinkProvisioning | None = msgspec.field(name="symlink", default=None)
    error_message: str = ""
