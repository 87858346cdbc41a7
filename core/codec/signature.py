"""What lives on a block device: every signature found at its known place, by libblkid's names. Reads through a function
(offset, length) -> bytes; never raises on what it reads. Finding too much is allowed, overlooking is not: whoever asks
whether a device is blank also asks `first_data`, which knows no formats. Labels and ids: `core.codec.superblock`."""

from collections.abc import Callable, Iterator
from typing import Final, Literal

import msgspec

from core.codec import superblock
from core.codec.superblock import Details, Read

Usage = Literal["filesystem", "raid", "crypto", "other", "partitions"]
_EDGE: Final = 1 << 20
_CHUNK: Final = 1 << 16


class Signature(msgspec.Struct, frozen=True):
    """One finding; `size` is what the format says it fills, 0 when it does not say."""

    type: str
    usage: Usage
    offset: int
    details: Details = msgspec.field(default_factory=Details)


# name, usage, offset, magic: everything that is told by fixed bytes at a fixed place from the start
_FIXED: Final[tuple[tuple[str, Usage, int, bytes], ...]] = (
    ("xfs", "filesystem", 0, b"XFSB"),
    ("squashfs", "filesystem", 0, b"hsqs"),
    ("squashfs", "filesystem", 0, b"sqsh"),
    ("crypto_LUKS", "crypto", 0, b"LUKS\xba\xbe"),
    *(("crypto_LUKS", "crypto", 0x4000 << n, b"SKUL\xba\xbe") for n in range(9)),
    *(("LVM2_member", "raid", n * 512 + 24, b"LVM2 001") for n in range(4)),
    ("linux_raid_member", "raid", 0, b"\xfc\x4e\x2b\xa9"),
    ("linux_raid_member", "raid", 0x1000, b"\xfc\x4e\x2b\xa9"),
    *(("swap", "other", (0x1000 << n) - 10, magic) for n in range(5) for magic in (b"SWAPSPACE2", b"SWAP-SPACE")),
    *(
        ("swsuspend", "other", (0x1000 << n) - 10, magic)
        for n in range(5)
        for magic in (b"S1SUSPEND", b"S2SUSPEND", b"ULSUSPEND", b"LINHIB0001")
    ),
    ("iso9660", "filesystem", 0x8001, b"CD001"),
    ("iso9660", "filesystem", 0x8009, b"CDROM"),
    *(("udf", "filesystem", 0x8001 + n * 2048, b"NSR0") for n in range(1, 8)),
    ("btrfs", "filesystem", 0x10040, b"_BHRfS_M"),
    ("f2fs", "filesystem", 0x400, b"\x10\x20\xf5\xf2"),
    ("erofs", "filesystem", 0x400, b"\xe2\xe1\xf5\xe0"),
    ("exfat", "filesystem", 3, b"EXFAT   "),
    ("ntfs", "filesystem", 3, b"NTFS    "),
    ("ReFS", "filesystem", 3, b"ReFS\0"),
    ("BitLocker", "crypto", 3, b"-FVE-FS-"),
    ("jfs", "filesystem", 0x8000, b"JFS1"),
    *(("reiserfs", "filesystem", at, m) for at in (0x2034, 0x10034) for m in (b"ReIsErFs", b"ReIsEr2Fs", b"ReIsEr3Fs")),
    ("reiser4", "filesystem", 0x10000, b"ReIsEr4"),
    ("apfs", "filesystem", 32, b"NXSB"),
    ("gfs2", "filesystem", 0x10000, b"\x01\x16\x19\x70"),
    *(("ocfs2", "filesystem", 0x400 << n, b"OCFSV2") for n in range(4)),
    ("VMFS", "filesystem", 0x200000, b"\x5e\xf1\xab\x2f"),
    ("VMFS_volume_member", "raid", 0x100000, b"\x0d\xd0\x01\xc0"),
    ("cramfs", "filesystem", 0, b"\x45\x3d\xcd\x28"),
    ("romfs", "filesystem", 0, b"-rom1fs-"),
    ("ufs", "filesystem", 0x2000 + 0x55C, b"\x54\x19\x01\x00"),
    ("ufs", "filesystem", 0x10000 + 0x55C, b"\x19\x01\x54\x19"),
    ("bcache", "other", 0x1018, bytes.fromhex("c68573f64e1a45ca8265f57f48ba6d81")),
    ("bcachefs", "filesystem", 0x1018, bytes.fromhex("c68573f666ce90a9d96a60cf803df7ef")),
    ("ceph_bluestore", "other", 0, b"bluestore block device"),
    ("DM_verity_hash", "crypto", 0, b"verity\0\0"),
    ("DM_integrity", "crypto", 0, b"integrt\0"),
    ("DM_snapshot_cow", "other", 0, b"SnAp"),
    ("stratis", "raid", 0x204, b"!Stra0tis\x86\xff\x02^\x41rh"),
    ("stratis", "raid", 0x1204, b"!Stra0tis\x86\xff\x02^\x41rh"),
    ("vdo", "raid", 0, b"dmvdo001"),
    ("oracleasm", "filesystem", 32, b"ORCLDISK"),
    ("talosmeta", "other", 0, b"\x5a\x4b\x3c\x2d"),
)
# the same, counted back from the end
_AT_END: Final[tuple[tuple[str, Usage, int, bytes], ...]] = (
    ("ddf_raid_member", "raid", 512, b"\xde\x11\xde\x11"),
    ("ddf_raid_member", "raid", 0x20200, b"\xde\x11\xde\x11"),
    ("isw_raid_member", "raid", 1024, b"Intel Raid ISM Cfg Sig. "),
    ("gpt", "partitions", 512, b"EFI PART"),
    ("gpt", "partitions", 4096, b"EFI PART"),
)


def probe(read: Read, size: int) -> list[Signature]:
    """Every signature on a device of `size` bytes, by offset. Partition tables come last, as containers of the rest."""
    found = [
        Signature(name, usage, offset, superblock.details(name, read))
        for name, usage, offset, magic in _FIXED
        if read(offset, len(magic)) == magic and not superblock.unfinished(name, read)
    ]
    found += (
        Signature(name, usage, size - back)
        for name, usage, back, magic in _AT_END
        if size > back and read(size - back, len(magic)) == magic
    )
    for check in _CHECKS:
        found += check(read, size)
    return sorted(
        {s.type + str(s.offset): s for s in found}.values(), key=lambda s: (s.usage == "partitions", s.offset)
    )


def first_data(read: Read, size: int) -> int | None:
    """Where the first byte that is not zero stands, in the device's first and last MiB; None when there is none."""
    for start, end in ((0, min(size, _EDGE)), (max(0, size - _EDGE), size)):
        for offset in range(start, end, _CHUNK):
            block = read(offset, min(_CHUNK, end - offset))
            if stripped := len(block.lstrip(b"\0")):
                return offset + len(block) - stripped
    return None


def _ext(read: Read, size: int) -> Iterator[Signature]:
    if (name := superblock.ext_type(read)) is not None:
        yield Signature(name, "other" if name == "jbd" else "filesystem", 0x438, superblock.details(name, read))


def _fat(read: Read, size: int) -> Iterator[Signature]:
    if superblock.is_fat(read(0, 512)):
        yield Signature("vfat", "filesystem", 0, superblock.details("vfat", read))


def _md_at_end(read: Read, size: int) -> Iterator[Signature]:
    """md 0.90 stands in the last whole 64 KiB, 1.0 at least 8 KiB before the end (drivers/md/md.c, super_*_load)."""
    for offset in ((size & ~0xFFFF) - 0x10000, (size - 0x2000) & ~0xFFF):
        if offset > 0 and read(offset, 4) in (b"\xfc\x4e\x2b\xa9", b"\xa9\x2b\x4e\xfc"):
            yield Signature("linux_raid_member", "raid", offset)


def _zfs(read: Read, size: int) -> Iterator[Signature]:
    """Four labels of 256 KiB, two at each end; the second half of each is an array of uberblocks."""
    for label in (0, 0x40000, (size & ~0x3FFFF) - 0x80000, (size & ~0x3FFFF) - 0x40000):
        if label < 0:
            continue
        array = read(label + 0x20000, 0x20000)
        slots = (array[at : at + 8] for at in range(0, len(array), 1024))
        if any(s in (b"\x0c\xb1\xba\0\0\0\0\0", b"\0\0\0\0\0\xba\xb1\x0c") for s in slots):
            yield Signature("zfs_member", "filesystem", label + 0x20000)


def _partition_tables(read: Read, size: int) -> Iterator[Signature]:
    for sector in (512, 4096):
        if read(sector, 8) == b"EFI PART":
            yield Signature("gpt", "partitions", sector)
    record = read(0, 512)
    if superblock.is_mbr(record):
        protective = record[450] == 0xEE
        yield Signature("PMBR" if protective else "dos", "partitions", 0x1FE)


_CHECKS: Final[tuple[Callable[[Read, int], Iterator[Signature]], ...]] = (
    _ext,
    _fat,
    _md_at_end,
    _zfs,
    _partition_tables,
)
