"""Partition tables against sgdisk both ways, against damage, and against any bytes."""

import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Exhausted, IchorError, Invalid
from core.codec import gpt, partition

MIB = 1 << 20
NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=18)


def _reader(data: bytes) -> gpt.Read:
    return lambda offset, length: data[offset : offset + length]


def _written(table: gpt.Table) -> bytes:
    data = bytearray(table.sectors * table.sector_size)
    for offset, piece in gpt.encode(table):
        data[offset : offset + len(piece)] = piece
    return bytes(data)


def _example(size: int = 16 * MIB, sector_size: int = 512) -> gpt.Table:
    table = partition.blank(size, sector_size)
    table = partition.add(table, "META", gpt.LINUX_DATA, MIB)
    table = partition.add(table, "STATE", gpt.LINUX_DATA, 5 * MIB)
    return partition.add(table, "EPHEMERAL", gpt.LINUX_DATA, None)


def _sgdisk(path: Path, *args: str) -> str:
    done = subprocess.run(["sgdisk", *args, str(path)], capture_output=True, text=True, check=True, timeout=30)
    return done.stdout


def test_sgdisk_accepts_what_we_write(tmp_path: Path) -> None:
    table = _example()
    disk = tmp_path / "disk"
    disk.write_bytes(_written(table))
    assert "No problems found" in _sgdisk(disk, "--verify")
    for p in table.partitions:
        shown = _sgdisk(disk, f"--info={p.number}")
        assert f"Partition GUID code: {p.type}" in shown
        assert f"Partition unique GUID: {p.guid}" in shown
        assert f"First sector: {p.first} " in shown
        assert f"Last sector: {p.last} " in shown
        assert f"Partition name: '{p.name}'" in shown


def test_we_read_what_sgdisk_writes(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(16 * MIB))
    _sgdisk(disk, "--new=3:2048:+4M", "--change-name=3:Größe", "--typecode=3:EF00", "--attributes=3:set:2")
    table = gpt.decode(_reader(disk.read_bytes()), 16 * MIB, 512)
    assert table is not None
    assert table.whole
    (p,) = table.partitions
    assert (p.number, p.first, p.sectors, p.name, p.type) == (3, 2048, 8192, "Größe", gpt.EFI_SYSTEM)
    assert p.attributes == 4
    assert gpt.decode(_reader(_written(table)), 16 * MIB, 512) == table


@pytest.mark.parametrize("sector_size", [512, 4096])
def test_either_copy_is_enough(sector_size: int) -> None:
    table = _example(sector_size=sector_size)
    data = bytearray(_written(table))
    size = len(data)
    first = gpt.decode(_reader(bytes(data)), size, sector_size)
    assert first is not None
    assert first.whole
    assert first.partitions == table.partitions
    for broken in (sector_size + 60, 2 * sector_size + 8, size - sector_size + 20):
        torn = bytearray(data)
        torn[broken] ^= 1
        again = gpt.decode(_reader(bytes(torn)), size, sector_size)
        assert again is not None
        assert not again.whole
        assert again.partitions == table.partitions
    data[sector_size + 60] ^= 1
    data[size - sector_size + 60] ^= 1
    with pytest.raises(Invalid, match="checksum"):
        gpt.decode(_reader(bytes(data)), size, sector_size)


def test_every_torn_write_leaves_a_readable_table() -> None:
    """The copy at the end is flushed before the first one is touched: cut the writes anywhere, one copy is good."""
    old = _example()
    new = replace(old, partitions=old.partitions[:2])
    before, pieces = _written(old), gpt.encode(new)
    for count, (offset, piece) in enumerate(pieces):
        for cut in range(0, len(piece), 512):
            data = bytearray(before)
            for done_at, done in pieces[:count]:
                data[done_at : done_at + len(done)] = done
            data[offset : offset + cut] = piece[:cut]
            table = gpt.decode(_reader(bytes(data)), len(data), 512)
            assert table is not None
            assert table.partitions in (old.partitions, new.partitions)


def test_growth_fills_a_larger_disk_and_then_rests(tmp_path: Path) -> None:
    small = _example()
    data = _written(small) + bytes(16 * MIB)
    table = gpt.decode(_reader(data), len(data), 512)
    assert table is not None
    assert not table.whole
    grown = partition.grow(table, "EPHEMERAL")
    assert partition.grow(grown, "EPHEMERAL") is grown
    ephemeral = partition.find(grown, "EPHEMERAL")
    assert ephemeral is not None
    assert (ephemeral.last + 1) * 512 == 31 * MIB
    disk = tmp_path / "disk"
    disk.write_bytes(_written(grown))
    assert "No problems found" in _sgdisk(disk, "--verify")
    # what has a neighbour has no room
    assert partition.grow(grown, "STATE") is grown


def test_no_room_says_how_much_is_left() -> None:
    table = partition.add(partition.blank(16 * MIB, 512), "A", gpt.LINUX_DATA, 4 * MIB)
    with pytest.raises(Exhausted, match="10485760 bytes are left"):
        partition.add(table, "B", gpt.LINUX_DATA, 11 * MIB)


def test_nothing_is_imported_late() -> None:
    """A sealed daemon refuses imports: what the first table needs must have come with the module."""
    code = (
        "import sys, core.codec.partition as p, core.codec.gpt as g\n"
        "before = set(sys.modules)\n"
        "pieces = g.encode(p.add(p.blank(1 << 24, 512), 'META', g.LINUX_DATA, None))\n"
        "data = pieces[1][1]\n"
        "g.decode(lambda at, n: data[at : at + n], 1 << 24, 512)\n"
        "late = set(sys.modules) - before\n"
        "sys.exit(str(late) if late else 0)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30, cwd=Path(__file__).parents[2])


def test_overlap_is_refused() -> None:
    table = _example()
    first, second, third = table.partitions
    with pytest.raises(Invalid, match="overlaps"):
        gpt.encode(replace(table, partitions=(first, second, replace(third, first=second.last))))


@given(st.lists(st.tuples(NAMES, st.integers(1, 3 * MIB)), max_size=8), st.sampled_from([512, 4096]))
def test_roundtrip(wanted: list[tuple[str, int]], sector_size: int) -> None:
    table = partition.blank(40 * MIB, sector_size)
    for name, size in wanted:
        table = partition.add(table, name, gpt.LINUX_DATA, size)
    (end, backup), (_, primary) = gpt.encode(table)

    def read(offset: int, length: int) -> bytes:
        data, start = (backup, offset - end) if offset >= end else (primary, offset)
        return data[start : start + length]

    again = gpt.decode(read, 40 * MIB, sector_size)
    assert again is not None
    assert again.whole
    assert again.partitions == table.partitions


@given(st.binary(max_size=8192), st.integers(0, 1 << 14), st.booleans())
def test_any_bytes_are_a_table_or_refused(data: bytes, size: int, sealed: bool) -> None:
    image = bytearray(b"\0" * 512 + b"EFI PART" + data)
    if sealed and len(image) >= 1024:
        image[520:528] = b"\0\0\1\0\x5c\0\0\0"
        image[528:532] = bytes(4)
        image[528:532] = zlib.crc32(image[512:604]).to_bytes(4, "little")
    try:
        table = gpt.decode(_reader(bytes(image)), size, 512)
        assert table is None or table.sectors == size // 512
    except IchorError:
        pass
