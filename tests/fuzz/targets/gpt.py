"""Partition tables on a disk of any size. Input: flags (1: mend the checksums, 2: a copy at the end, 4: sectors of
4 KiB), sectors (3 bytes), the header's 92 bytes, the entries."""

import struct
import zlib
from collections.abc import Iterator

from core.base.errors import Exhausted, Invalid, NotFound
from core.codec import gpt, partition
from tests.fuzz.disks import Disk
from tests.fuzz.target import Target, attempt

_HEADER = 92
GUID = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"


def check(data: bytes) -> None:
    if len(data) < 4 + _HEADER:
        return
    flags, sectors, header, entries = data[0], int.from_bytes(data[1:4], "little"), data[4 : 4 + _HEADER], data[96:]
    sector = 4096 if flags & 4 else 512
    at, count, size = struct.unpack_from("<QII", header, 72)
    if flags & 1 and count * size <= 1 << 16:
        header = _mended(header, entries.ljust(count * size, b"\0")[: count * size])
    pieces = {at * sector: entries, sector: header}
    if flags & 2:
        pieces[(sectors - 1) * sector] = _backup(header, sectors)
    _judge(Disk(sectors * sector, pieces), sector)


def _judge(disk: Disk, sector: int) -> None:
    table = attempt(Invalid, gpt.decode, disk.read, disk.size, sector)
    if table is None:
        return
    _written(table, disk)
    for change in (lambda: partition.add(table, "more", gpt.LINUX_DATA, None), lambda: partition.grow(table, "more")):
        changed = attempt((Exhausted, NotFound), change)
        if changed is not None:
            _written(changed, disk)


def _written(table: gpt.Table, disk: Disk) -> None:
    """What is written is read back, from both copies."""
    written = attempt(Invalid, gpt.encode, table)
    if written is not None:
        disk = Disk(disk.size, dict(written))
        again = gpt.decode(disk.read, disk.size, table.sector_size)
        assert again is not None and again.whole
        assert (again.guid, again.partitions) == (table.guid, table.partitions)


def _mended(header: bytes, entries: bytes) -> bytes:
    head = bytearray(header)
    struct.pack_into("<I", head, 88, zlib.crc32(entries))
    struct.pack_into("<I", head, 16, 0)
    struct.pack_into("<I", head, 16, zlib.crc32(head))
    return bytes(head)


def _backup(header: bytes, sectors: int) -> bytes:
    """The same table, told from the last sector."""
    head = bytearray(header)
    struct.pack_into("<QQ", head, 24, max(0, sectors - 1), 1)
    struct.pack_into("<I", head, 16, 0)
    struct.pack_into("<I", head, 16, zlib.crc32(head))
    return bytes(head)


def seeds() -> Iterator[bytes]:
    for sectors, sector, names in (
        (204_800, 512, ("EFI", "META", "STATE", "more")),
        (8192, 4096, ("data",)),
        (100, 512, ()),
    ):
        table = gpt.Table(sectors, sector, GUID)
        for number, name in enumerate(names, 1):
            first = 2048 * number * 512 // sector
            part = gpt.Partition(number, first, first + 2047 * 512 // sector, gpt.LINUX_DATA, GUID, name)
            table = gpt.Table(sectors, sector, GUID, (*table.partitions, part))
        primary = dict(gpt.encode(table))[0]
        header, entries = primary[sector : sector + _HEADER], primary[2 * sector :].rstrip(b"\0")
        for flags in (0, 1, 3):
            yield bytes([flags | (4 if sector == 4096 else 0)]) + sectors.to_bytes(3, "little") + header + entries


TARGET = Target(check, seeds, runs=15_000, minutes=5)
