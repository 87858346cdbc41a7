"""Taking from a node what it keeps: volumes, or disks whole. Owns what counts as wiped: a machine's partition or disk
shows no format any more, and of a small one, where keys are, nothing is left; a container node's folder is empty.
Refuses what somebody uses (EBUSY). Each may be repeated after a crash, for what tells where things are goes last."""

import asyncio
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from core.base.errors import IchorError, NotFound
from core.codec import meta, signature
from core.linux import disk, mount
from core.linux import partition as kernel
from core.linux.disk import Device
from core.node.controllers.block.folders import META_FILE
from core.node.controllers.block.place import Place
from core.node.controllers.block.system import META, MOUNTS

EDGE: Final = 1 << 20  # bytes at both ends, where formats and tables are
SMALL: Final = 256 << 20  # STATE, META: what is no larger is overwritten whole


@dataclass(frozen=True, slots=True)
class Wiper:
    """Of one node; `folders` if it is a container node, whose volumes are folders."""

    place: Place
    folders: bool

    async def volumes(self, names: Sequence[str], path: str) -> None:
        """Wipe these, on the disk at `path`, each whatever becomes of the others. They must be closed. Raises a group
        of OSError and of NotFound for what is not there."""
        wipe = partial(_folder, self.place) if self.folders else partial(_partition, self.place, path)
        await asyncio.to_thread(_each, wipe, names)

    async def disks(self, paths: Sequence[str]) -> None:
        """Wipe disks with everything on them, likewise."""
        await asyncio.to_thread(_each, partial(_disk, self.place), paths)

    def users(self, path: str) -> list[str]:
        """Devices that are made of this disk or of parts of it."""
        devices = self.place.devices()
        own = [d for d in devices if path in (d.path, f"/dev/{d.parent}")]
        return [holder for device in own for holder in device.holders]


def erase(fd: int, size: int, known: Sequence[Device]) -> None:
    """A disk of `size` bytes, open for writing alone, and its partitions: nothing could be taken for a format."""
    for device in known:
        _blank(fd, device.partition_start, device.size)
    for found in signature.probe(disk.reader(fd), size):
        disk.erase(fd, found.offset, min(4096, size - found.offset))
    disk.discard(fd, 0, size)
    _ends(fd, 0, size)


def _each(wipe: Callable[[str], None], whats: Sequence[str]) -> None:
    failures: list[Exception] = []
    for what in whats:
        try:
            wipe(what)
        except (IchorError, OSError) as error:
            failures.append(error)
    if failures:
        raise ExceptionGroup("wiping", failures)


def _disk(place: Place, path: str) -> None:
    node = place.node(path)
    known = [d for d in place.devices() if d.parent == node.name]
    for device in (*known, *(d for d in place.devices() if d.path == path)):
        _let_go(device)
    with disk.opened(node, write=True, exclusive=True) as fd:
        kernel.forget(fd, known)
        erase(fd, disk.size(fd), known)


def _partition(place: Place, path: str, name: str) -> None:
    devices = place.devices()
    tables = kernel.tables(place.dev, devices)
    parts = [kernel.label(d, tables) for d in devices if d.parent == place.node(path).name]
    device = next((d for d in parts if d.partition_name == name), None)
    if device is None:
        raise NotFound(f"{path} has no partition {name}")
    _let_go(device)
    with disk.opened(place.node(device.path), write=True, exclusive=True) as fd:
        _blank(fd, 0, device.size)
        for found in signature.probe(disk.reader(fd), device.size):
            disk.erase(fd, found.offset, min(4096, device.size - found.offset))


def _folder(place: Place, name: str) -> None:
    if name == META:
        with place.target(META_FILE).open("r+b") as file:
            file.write((meta.encode({}) * 2).ljust(meta.PARTITION_SIZE, b"\0"))
            file.flush()
            os.fsync(file.fileno())
        return
    target = place.target(MOUNTS[name].target_path)
    mount.umount_below(target, lazy=True)
    for child in sorted(target.iterdir()):
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        else:
            child.unlink()


def _blank(fd: int, start: int, length: int) -> None:
    if length <= SMALL:
        disk.erase(fd, start, length)
        return
    disk.discard(fd, start, length)
    _ends(fd, start, length)


def _ends(fd: int, start: int, length: int) -> None:
    for offset in (start, start + max(0, length - EDGE)):
        disk.erase(fd, offset, min(EDGE, length))


def _let_go(device: Device) -> None:
    """Unmount it wherever this process sees it mounted; what others hold makes the opening fail."""
    number = f"{device.major}:{device.minor}"
    for mounted in reversed(mount.mounts()):
        if mounted.device == number:
            mount.umount_below(Path(mounted.target))
            mount.umount(mounted.target)
