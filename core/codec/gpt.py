"""GUID partition tables <-> values (UEFI specification 2.10, chapter 5). Sector numbers throughout; GUIDs as text in
upper case. Reads through a function (offset, length) -> bytes, writes as (offset, bytes) pieces; does no I/O itself.
Refuses tables whose checksums, bounds or partitions do not hold; the copy at the end stands in for a bad first."""

import encodings.utf_16_le  # noqa: F401 - names are UTF-16; a sealed daemon cannot import the codec at its first use
import struct
import uuid
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from core.base.errors import Invalid

Read = Callable[[int, int], bytes]

LINUX_DATA: Final = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
EFI_SYSTEM: Final = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
ENTRIES: Final = 128
_ENTRY: Final = struct.Struct("<16s16sQQQ72s")
_HEADER: Final = struct.Struct("<8sIIII QQQQ 16s QIII")
_SIGNATURE: Final = b"EFI PART"
_MAX_TABLE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Partition:
    """One entry; `number` counts from 1, `last` is inclusive."""

    number: int
    first: int
    last: int
    type: str
    guid: str
    name: str
    attributes: int = 0

    @property
    def sectors(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Table:
    """A disk's table. `sectors` is the disk's size; partitions are in order of their number."""

    sectors: int
    sector_size: int
    guid: str
    partitions: tuple[Partition, ...] = ()
    # where the copy that was read stops allowing partitions; a disk that has grown has more (`usable_end`)
    last_usable: int = 0
    entries: int = ENTRIES
    # both copies were good and the second is at the disk's end
    whole: bool = True

    @property
    def table_sectors(self) -> int:
        return -(-self.entries * _ENTRY.size // self.sector_size)

    @property
    def first_usable(self) -> int:
        return 2 + self.table_sectors


def usable_end(sectors: int, sector_size: int, entries: int = ENTRIES) -> int:
    """The last sector a partition may use on a disk of `sectors`."""
    return sectors - 2 - (-(-entries * _ENTRY.size // sector_size))


def decode(read: Read, size: int, sector_size: int) -> Table | None:
    """The table of a disk of `size` bytes; None without a trace of one. Raises Invalid when no copy is good."""
    sectors, problems = size // sector_size, []
    traces = 0
    found: list[tuple[int, Table]] = []
    for at in dict.fromkeys((1, sectors - 1)):
        if at < 1 or not (header := read(at * sector_size, sector_size)).startswith(_SIGNATURE):
            continue
        traces += 1
        try:
            found.append((at, _read_copy(read, header, at, sectors, sector_size)))
        except Invalid as error:
            problems.append(f"copy at sector {at}: {error.message}")
    if not traces:
        return None
    if not found:
        raise Invalid("; ".join(problems))
    table = found[0][1]
    whole = [at for at, _ in found] == [1, sectors - 1] and found[0][1] == found[1][1]
    return Table(sectors, sector_size, table.guid, table.partitions, table.last_usable, table.entries, whole)


def encode(table: Table) -> list[tuple[int, bytes]]:
    """What to write, in this order with a flush between: the copy at the end, then protective MBR and first copy.

    Raises Invalid for partitions that overlap, lie outside or share a number, and for a disk that is too small.
    """
    _check(table)
    size = table.sector_size
    entries = bytearray(table.table_sectors * size)
    for partition in table.partitions:
        _ENTRY.pack_into(entries, (partition.number - 1) * _ENTRY.size, *_fields(partition))
    used = bytes(entries[: table.entries * _ENTRY.size])
    last = table.sectors - 1
    backup = bytes(entries) + _header(table, used, last, 1, last - table.table_sectors).ljust(size, b"\0")
    primary = _protective(table.sectors).ljust(size, b"\0") + _header(table, used, 1, last, 2).ljust(size, b"\0")
    return [((last - table.table_sectors) * size, backup), (0, primary + bytes(entries))]


def new_guid() -> str:
    """A random GUID as text."""
    return str(uuid.uuid4()).upper()


def _read_copy(read: Read, header: bytes, at: int, sectors: int, sector_size: int) -> Table:
    if len(header) < sector_size:
        raise Invalid("its header is cut short")
    (_, revision, length, checksum, _, here, _, first, last, guid, table_at, count, entry_size, table_sum) = (
        _HEADER.unpack_from(header)
    )
    if not _HEADER.size <= length <= sector_size or revision != 0x10000:
        raise Invalid("its header has an unknown form")
    if zlib.crc32(header[:16] + bytes(4) + header[20:length]) != checksum:
        raise Invalid("its header's checksum is wrong")
    if here != at or not 2 <= first <= last < sectors or entry_size < _ENTRY.size or entry_size % 8:
        raise Invalid("its header points outside the disk")
    table_size = count * entry_size
    if not 0 < table_size <= _MAX_TABLE or table_at * sector_size + table_size > sectors * sector_size:
        raise Invalid("its list of partitions lies outside the disk")
    entries = read(table_at * sector_size, table_size)
    if len(entries) != table_size or zlib.crc32(entries) != table_sum:
        raise Invalid("its list of partitions has a wrong checksum")
    rows = ((n, _ENTRY.unpack_from(entries, n * entry_size)) for n in range(count))
    partitions = tuple(_partition(n + 1, row) for n, row in rows if any(row[0]))
    table = Table(sectors, sector_size, _text(guid), partitions, last, count)
    _check_bounds(partitions, first, last)
    return table


def _partition(number: int, row: tuple[bytes, bytes, int, int, int, bytes]) -> Partition:
    kind, guid, first, last, attributes, name = row
    text = name.decode("utf-16-le", "replace").partition("\0")[0]
    return Partition(number, first, last, _text(kind), _text(guid), text, attributes)


def _fields(p: Partition) -> tuple[bytes, bytes, int, int, int, bytes]:
    name = p.name.encode("utf-16-le", "replace")
    if len(name) > 72:
        raise Invalid(f"partition name {p.name!r} is longer than 36 characters")
    return uuid.UUID(p.type).bytes_le, uuid.UUID(p.guid).bytes_le, p.first, p.last, p.attributes, name


def _check(table: Table) -> None:
    end = usable_end(table.sectors, table.sector_size, table.entries)
    numbers = [p.number for p in table.partitions]
    if end < table.first_usable:
        raise Invalid(f"a disk of {table.sectors} sectors has no room for a table of {table.entries} entries")
    if len(set(numbers)) != len(numbers) or any(not 1 <= n <= table.entries for n in numbers):
        raise Invalid("partition numbers repeat or are out of range")
    _check_bounds(table.partitions, table.first_usable, end)


def _check_bounds(partitions: tuple[Partition, ...], first: int, last: int) -> None:
    end = first - 1
    for p in sorted(partitions, key=lambda p: p.first):
        if p.first <= end or p.last < p.first or p.last > last:
            raise Invalid(f"partition {p.number} overlaps another or lies outside the disk")
        end = p.last


def _header(table: Table, entries: bytes, here: int, other: int, table_at: int) -> bytes:
    end = usable_end(table.sectors, table.sector_size, table.entries)
    disk = uuid.UUID(table.guid).bytes_le

    def pack(checksum: int) -> bytes:
        return _HEADER.pack(
            *(_SIGNATURE, 0x10000, _HEADER.size, checksum, 0, here, other, table.first_usable, end, disk),
            *(table_at, table.entries, _ENTRY.size, zlib.crc32(entries)),
        )

    return pack(zlib.crc32(pack(0)))


def _protective(sectors: int) -> bytes:
    """A master boot record whose one partition of type 0xEE covers the disk, so that old tools keep off."""
    entry = struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xEE, b"\xff\xff\xff", 1, min(sectors - 1, 0xFFFFFFFF))
    return bytes(446) + entry + bytes(48) + b"\x55\xaa"


def _text(guid: bytes) -> str:
    return str(uuid.UUID(bytes_le=guid)).upper()
