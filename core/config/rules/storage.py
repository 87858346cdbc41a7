"""Disks, installation, files and encryption."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from core.codec.yaml import Path
from core.config.problems import Finding
from core.config.rules.base import Context, Rule
from core.config.schema.storage import DiskSelector, Encryption

_VAR: Final = PurePosixPath("/var")
_METHODS: Final = ("static", "node_id", "kms", "tpm")


def disks(context: Context) -> Iterator[Finding]:
    mounted: set[str] = set()
    for index, disk in enumerate(context.machine.disks):
        path = ("machine", "disks", index)
        if not disk.device:
            yield Finding(path, "needs device")
        for number, partition in enumerate(disk.partitions):
            here = (*path, "partitions", number)
            if not partition.size and number + 1 < len(disk.partitions):
                yield Finding(here, "needs size", "only the last partition takes the rest of the disk")
            if not under_var(partition.mountpoint):
                yield Finding((*here, "mountpoint"), "must be a folder under /var")
            elif partition.mountpoint in mounted:
                yield Finding((*here, "mountpoint"), "is taken by another partition")
            mounted.add(partition.mountpoint)


def under_var(text: str) -> bool:
    """Whether a path is absolute, plain and below /var."""
    path = PurePosixPath(text)
    return _VAR in path.parents and ".." not in path.parts


def install(context: Context) -> Iterator[Finding]:
    section = context.machine.install
    if section is None:
        return
    if section.disk_selector == DiskSelector():
        yield Finding(
            ("machine", "install", "diskSelector"), "selects by nothing", "name size, model or serial", at_key=True
        )
    if section.disk and not section.disk.startswith("/dev/"):
        yield Finding(
            ("machine", "install", "disk"), "must be a device under /dev", "such as /dev/sda or /dev/disk/by-id/..."
        )


def files(context: Context) -> Iterator[Finding]:
    for index, file in enumerate(context.machine.files):
        path = ("machine", "files", index)
        if not file.path:
            yield Finding(path, "needs path")
        elif not file.path.startswith("/") or ".." in PurePosixPath(file.path).parts:
            yield Finding((*path, "path"), "must be absolute, without ..")
        elif file.op in ("create", "") and not under_var(file.path):
            yield Finding((*path, "path"), "files are created only under /var", "use op append or overwrite elsewhere")


def encryption(context: Context) -> Iterator[Finding]:
    section = context.machine.system_disk_encryption
    if section is not None:
        for key, part in (("state", section.state), ("ephemeral", section.ephemeral)):
            if part is not None:
                yield from _encrypted(("machine", "systemDiskEncryption", key), part)


def _encrypted(path: Path, part: Encryption) -> Iterator[Finding]:
    if not part.provider:
        yield Finding(path, "needs provider", "write provider: luks2")
    if not part.keys:
        yield Finding(path, "needs keys")
    slots: set[int] = set()
    for index, key in enumerate(part.keys):
        here = (*path, "keys", index)
        ways = [name for name in _METHODS if getattr(key, name) is not None]
        if len(ways) != 1:
            yield Finding(here, "needs exactly one of static, nodeID, kms, tpm")
        if key.static is not None and not key.static.passphrase:
            yield Finding((*here, "static"), "needs passphrase")
        if key.kms is not None and not key.kms.endpoint:
            yield Finding((*here, "kms"), "needs endpoint")
        if key.slot in slots:
            yield Finding((*here, "slot"), f"slot {key.slot} is taken", "number the slots")
        slots.add(key.slot)


RULES: Final[tuple[Rule, ...]] = (disks, install, files, encryption)
