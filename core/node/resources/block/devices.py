"""What block devices there are and what was found on them. The id of each is the kernel's name ("vda", "vda1")."""

import msgspec

from core.state import Column, Spec, resource


@resource(
    "BlockDevices.block.talos.dev",
    "runtime",
    columns=(Column("Type", "{.type}"), Column("PartitionName", "{.partitionName}"), Column("Gen", "{.generation}")),
)
class BlockDevice(Spec, frozen=True):
    """A disk or a partition; `generation` grows with each uevent."""

    type: str
    major: int
    minor: int
    partition_name: str = ""
    partition_number: int = 0
    generation: int = 0
    device_path: str = ""
    parent: str = ""
    secondaries: tuple[str, ...] = ()


@resource("BlockSymlinks.block.talos.dev", "runtime", columns=(Column("Paths", "{.paths}"),))
class BlockSymlink(Spec, frozen=True):
    """The names under /dev/disk of a device."""

    paths: tuple[str, ...] = ()


@resource(
    "Disks.block.talos.dev",
    "runtime",
    columns=(
        Column("Size", "{.pretty_size}"),
        Column("Read Only", "{.readonly}"),
        Column("Transport", "{.transport}"),
        Column("Rotational", "{.rotational}"),
        Column("WWID", "{.wwid}"),
        Column("Model", "{.model}"),
        Column("Serial", "{.serial}"),
    ),
)
class Disk(Spec, frozen=True, rename=None):
    """A whole disk."""

    dev_path: str
    size: int
    pretty_size: str = ""
    io_size: int = 0
    sector_size: int = 512
    readonly: bool = False
    cdrom: bool = False
    model: str = ""
    firmware_version: str = ""
    serial: str = ""
    modalias: str = ""
    wwid: str = ""
    uuid: str = ""
    bus_path: str = ""
    sub_system: str = ""
    transport: str = ""
    rotational: bool = False
    secondary_disks: tuple[str, ...] = ()
    symlinks: tuple[str, ...] = ()


@resource(
    "DiscoveredVolumes.block.talos.dev",
    "runtime",
    columns=(
        Column("Type", "{.type}"),
        Column("Size", "{.pretty_size}"),
        Column("Discovered", "{.name}"),
        Column("Label", "{.label}"),
        Column("PartitionLabel", "{.partition_label}"),
    ),
)
class DiscoveredVolume(Spec, frozen=True, rename=None):
    """What a look at a device's bytes says: `name` is the filesystem, partition table or other signature."""

    dev_path: str
    type: str
    device_path: str = ""
    parent: str = ""
    parent_dev_path: str = ""
    offset: int = 0
    size: int = 0
    pretty_size: str = ""
    sector_size: int = 0
    io_size: int = 0
    name: str = ""
    uuid: str = ""
    label: str = ""
    block_size: int = 0
    filesystem_block_size: int = 0
    probed_size: int = 0
    partition_uuid: str = ""
    partition_type: str = ""
    partition_label: str = ""
    partition_index: int = 0


@resource("SystemDisks.block.talos.dev", "runtime", columns=(Column("Disk", "{.diskID}"),))
class SystemDisk(Spec, frozen=True):
    """The disk that holds META, STATE and EPHEMERAL (id `system-disk`)."""

    disk_id: str = msgspec.field(name="diskID")
    dev_path: str = ""
