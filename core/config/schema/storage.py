"""Disks, installation, files and encryption."""

from typing import Annotated

from msgspec import field

from core.config.schema.addresses import Url
from core.config.schema.base import OBSOLETE, Secret, Section
from core.config.schema.numbers import Int, Octal, Size, SizeComparator, UInt32, UInt64
from core.config.schema.words import DiskType, EncryptionProvider, FileOp


class Partition(Section, frozen=True):
    """A partition."""

    size: Size = 0
    """Bytes or human size."""
    mountpoint: str = ""
    """Mount path (under /var)."""


class Disk(Section, frozen=True):
    """A disk to partition and mount."""

    device: str = ""
    """Disk path."""
    partitions: tuple[Partition, ...] = ()
    """Partitions in order."""


class DiskSelector(Section, frozen=True):
    """Match disk by attributes (wins over disk)."""

    size: SizeComparator = ""
    """Size comparator string such as ">= 1TB" or exact."""
    name: str = ""
    """Sysfs device/name."""
    model: str = ""
    """Sysfs device/model."""
    serial: str = ""
    """Sysfs serial."""
    modalias: str = ""
    """Sysfs modalias."""
    uuid: str = ""
    """Sysfs uuid."""
    wwid: str = ""
    """Sysfs wwid."""
    type: DiskType = ""
    """Kind of disk."""
    bus_path: str = ""
    """Bus path glob."""


class Extension(Section, frozen=True):
    """A system extension."""

    image: str = ""
    """Extension image."""


class Install(Section, frozen=True):
    """How to install to disk."""

    disk: str = ""
    """Target disk path."""
    disk_selector: DiskSelector | None = None
    """Match disk by attributes (wins over disk)."""
    extra_kernel_args: tuple[str, ...] = ()
    """Extra kernel args, leading - removes."""
    image: str = ""
    """Installer image."""
    extensions: Annotated[tuple[Extension, ...], OBSOLETE] = ()
    """System extensions (obsolete)."""
    bootloader: Annotated[bool | None, OBSOLETE] = None
    """No effect."""
    wipe: bool = False
    """Zero the disk first."""
    legacy_bios_support: bool = field(default=False, name="legacyBIOSSupport")
    """Mark PMBR active."""
    grub_use_uki_cmdline: bool = field(default=False, name="grubUseUKICmdline")
    """GRUB takes cmdline from the UKI."""


class File(Section, frozen=True):
    """A file written at boot."""

    content: str = ""
    """Text."""
    permissions: Octal = 0o644
    """Octal mode."""
    path: str = ""
    """Absolute path; create only under /var."""
    op: FileOp = ""
    """Create, append, overwrite."""


class StaticKey(Section, frozen=True):
    """A passphrase in the config itself."""

    passphrase: Secret = ""
    """Passphrase."""


class NodeIdKey(Section, frozen=True):
    """Derived from node UUID + partition label."""


class KmsKey(Section, frozen=True):
    """Sealed by a KMS endpoint."""

    endpoint: Url = ""
    """KMS gRPC URL."""


class TpmKey(Section, frozen=True):
    """Sealed to TPM2."""

    check_secureboot_status_on_enroll: bool = False
    """Refuse enrolment unless SecureBoot is on."""


class EncryptionKey(Section, frozen=True):
    """One key slot; exactly one way to get the key."""

    static: StaticKey | None = None
    """Inline passphrase."""
    node_id: NodeIdKey | None = field(default=None, name="nodeID")
    """Derived from node UUID + partition label."""
    kms: KmsKey | None = None
    """Sealed by a KMS endpoint."""
    slot: Int = 0
    """LUKS2 key slot."""
    tpm: TpmKey | None = None
    """Sealed to TPM2."""


class Encryption(Section, frozen=True):
    """How a partition is encrypted."""

    provider: EncryptionProvider = ""
    """Luks2."""
    keys: tuple[EncryptionKey, ...] = ()
    """Key slots."""
    cipher: str = "aes-xts-plain64"
    """Cipher (aes-xts-plain64)."""
    key_size: UInt32 = 0
    """Key length bits."""
    block_size: UInt64 = 0
    """Sector size."""
    options: tuple[str, ...] = ()
    """LUKS perf options (no_read_workqueue, no_write_workqueue, same_cpu_crypt ...)."""


class SystemDiskEncryption(Section, frozen=True):
    """LUKS2 for STATE and EPHEMERAL."""

    state: Encryption | None = None
    """STATE partition."""
    ephemeral: Encryption | None = None
    """EPHEMERAL partition."""
