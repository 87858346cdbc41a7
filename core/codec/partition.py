"""Changes of a partition table as pure functions: an empty one, one partition more, one grown to the room it has.
Partitions start and end on whole MiB. Nothing here moves or removes a partition."""

from dataclasses import replace
from typing import Final

from core.base.errors import Exhausted, NotFound
from core.codec.gpt import Partition, Table, new_guid, usable_end

ALIGNMENT: Final = 1 << 20


def blank(size: int, sector_size: int) -> Table:
    """An empty table for a disk of `size` bytes."""
    return Table(size // sector_size, sector_size, new_guid())


def find(table: Table, name: str) -> Partition | None:
    """The first partition labelled `name`."""
    return next((p for p in table.partitions if p.name == name), None)


def add(table: Table, name: str, kind: str, size: int | None) -> Table:
    """The table with one more partition behind all others: `size` bytes, or all that is left when None.

    Raises Exhausted when there is no room or no free number.
    """
    step = ALIGNMENT // table.sector_size
    first = _up(max((p.last + 1 for p in table.partitions), default=table.first_usable), step)
    end = (usable_end(table.sectors, table.sector_size, table.entries) + 1) // step * step
    wanted = end - first if size is None else _up(-(-size // table.sector_size), step)
    if wanted <= 0 or first + wanted > end:
        left = max(0, end - first) * table.sector_size
        raise Exhausted(f"no room for partition {name}: {left} bytes are left", remedy="use a larger disk")
    used = {p.number for p in table.partitions}
    number = next((n for n in range(1, table.entries + 1) if n not in used), 0)
    if not number:
        raise Exhausted(f"no free entry for partition {name}")
    partition = Partition(number, first, first + wanted - 1, kind, new_guid(), name)
    return replace(table, partitions=tuple(sorted((*table.partitions, partition), key=lambda p: p.number)))


def grow(table: Table, name: str) -> Table:
    """The table with partition `name` stretched to the next partition or to the disk's end; itself if it is there."""
    partition = find(table, name)
    if partition is None:
        raise NotFound(f"no partition {name}")
    step = ALIGNMENT // table.sector_size
    limit = usable_end(table.sectors, table.sector_size, table.entries) + 1
    limit = min((p.first for p in table.partitions if p.first > partition.first), default=limit)
    last = limit // step * step - 1
    if last <= partition.last:
        return table
    others = (replace(p, last=last) if p is partition else p for p in table.partitions)
    return replace(table, partitions=tuple(others))


def _up(value: int, step: int) -> int:
    return -(-value // step) * step
