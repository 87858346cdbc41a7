"""Making the node's partitions and filesystems on a disk. A disk that is not ours yet is opened exclusively and judged
while it is open: a signature, or bytes that nobody can name, are left alone unless the config says wipe.
Each step leaves a state from which the next boot goes on."""

import errno
import os
from collections.abc import Sequence

from core.base.errors import Denied, Exhausted, NotReady
from core.codec import gpt, partition, signature, superblock
from core.linux import disk, filesystem
from core.linux import partition as kernel
from core.linux.disk import Device
from core.node import meta
from core.node.controllers.block.place import Place
from core.node.controllers.block.wiping import EDGE, erase
from core.node.resources.block import Disk, Filesystem, FilesystemKind, Partition


class Foreign(Denied):
    """The disk or partition holds somebody's data."""


def content(fd: int, size: int) -> str:
    """What is on an open device, in words; empty when it is blank."""
    read = disk.reader(fd)
    found = signature.probe(read, size)
    if found:
        return ", ".join(dict.fromkeys(f"{s.type} at byte {s.offset}" for s in found))
    data = signature.first_data(read, size)
    return "" if data is None else f"unknown data at byte {data}"


def judge(place: Place, target: Disk) -> str:
    """What speaks against taking a disk that nobody named; empty when it is blank and nobody uses it."""
    try:
        with disk.opened(place.node(target.dev_path), exclusive=True) as fd:
            return content(fd, target.size)
    except OSError as error:
        if error.errno == errno.EBUSY:
            return "a user"
        return error.strerror or str(error)


def make_partitions(
    place: Place, target: Disk, wanted: Sequence[tuple[str, Partition]], *, own: bool, wipe: bool
) -> None:
    """Add a partition for each of `wanted` to `target`: to its table if it is our `own` disk, else to a new one.

    Raises Foreign when the disk is not blank and not to be wiped, Exhausted when there is no room, OSError (EBUSY) when
    somebody uses a disk that is not ours.
    """
    path = place.node(target.dev_path)
    with disk.opened(path, write=True, exclusive=not own) as fd:
        known = [d for d in place.devices() if d.parent == path.name]
        table = kernel.read(fd) if own else None
        if table is None:
            table, known = _fresh(fd, target, known, wipe=wipe), []
        before = {p.number for p in table.partitions}
        for name, spec in wanted:
            table = partition.add(table, name, spec.type_uuid.upper(), spec.max_size or None)
            _check_room(name, table, spec.min_size)
        _blank(fd, table, [p for p in table.partitions if p.number not in before])
        kernel.write(fd, table)
        kernel.tell_kernel(fd, table, known)


async def make_filesystem(place: Place, dev_path: str, size: int, spec: Filesystem) -> None:
    """Format a partition of ours that has never held anything. Raises Foreign, MkfsError."""
    path = place.node(dev_path)
    with disk.opened(path, exclusive=True) as fd:
        found = content(fd, size)
        unfinished = superblock.unfinished("xfs", disk.reader(fd)) and os.pread(fd, 4, 0) == b"XFSB"
    if found and not unfinished:
        raise Foreign(f"{dev_path} holds {found} and no {spec.type.text}")
    await filesystem.make(place.run, spec.type.text, path, size, label=spec.label)


def make_meta(place: Place, dev_path: str) -> None:
    """Lay out META on its partition if it is empty."""
    with disk.opened(place.node(dev_path), write=True, exclusive=True) as fd:
        if not content(fd, disk.size(fd)):
            meta.blank(fd)


def grow(place: Place, dev_path: str, name: str) -> bool:
    """Stretch partition `name` to the end of its disk; whether it was shorter. Works on a partition in use."""
    path = place.node(dev_path)
    with disk.opened(path, write=True) as fd:
        table = kernel.read(fd)
        if table is None or partition.find(table, name) is None:
            return False
        grown = partition.grow(table, name)
        if grown is table and table.whole:
            return False
        kernel.write(fd, grown)
        # the discovery may read the new table and tell the kernel first: that it was written is what counts
        kernel.tell_kernel(fd, grown, [d for d in place.devices() if d.parent == path.name])
        return True


def formatted(kind: str) -> FilesystemKind:
    """A signature's name as a kind of filesystem; NONE for what volumes never have."""
    return next((k for k in FilesystemKind if k.text == kind), FilesystemKind.NONE)


def _fresh(fd: int, target: Disk, known: list[Device], *, wipe: bool) -> gpt.Table:
    found = content(fd, target.size)
    if found and not wipe:
        raise Foreign(
            f"disk {target.dev_path} is not blank: {found}",
            remedy=f"to lose what is on it, set machine.install.disk to {target.dev_path} and machine.install.wipe",
        )
    if found:
        if (table := kernel.read(fd)) is not None and partition.find(table, "META") is not None:
            raise NotReady(f"disk {target.dev_path} has a META of its own, which is not there yet")
        kernel.forget(fd, known)
        erase(fd, target.size, known)
    return partition.blank(target.size, disk.sector_size(fd))


def _blank(fd: int, table: gpt.Table, made: Sequence[gpt.Partition]) -> None:
    """New partitions are blank at both ends before the table shows them: what once lay there is nobody's."""
    for p in made:
        start, length = p.first * table.sector_size, p.sectors * table.sector_size
        disk.erase(fd, start, min(EDGE, length))
        disk.erase(fd, start + max(0, length - EDGE), min(EDGE, length))


def _check_room(name: str, table: gpt.Table, least: int) -> None:
    made = partition.find(table, name)
    assert made is not None
    if made.sectors * table.sector_size < least:
        raise Exhausted(
            f"no room for partition {name}: it needs {least} bytes, {made.sectors * table.sector_size} are left",
            remedy="use a larger disk",
        )
