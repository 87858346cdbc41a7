"""Label, id, block size and size out of the superblocks whose names people use (/dev/disk/by-uuid), as libblkid prints
them; and the formats that no fixed bytes tell: ext's family, FAT, MBR. Never raises on what it reads."""

import struct
import uuid
from collections.abc import Callable
from itertools import pairwise
from typing import Final

import msgspec

Read = Callable[[int, int], bytes]


class Details(msgspec.Struct, frozen=True):
    """What a superblock says of itself; empty or 0 where it does not."""

    label: str = ""
    uuid: str = ""
    block_size: int = 0
    size: int = 0


def details(name: str, read: Read) -> Details:
    """Of the format called `name` on the device behind `read`."""
    reader = _READERS.get(name)
    try:
        return Details() if reader is None else reader(read)
    except (struct.error, IndexError, ValueError):
        return Details()


def ext_type(read: Read) -> str | None:
    """ext2, ext3, ext4, ext4's external journal (jbd), or None (fs/ext4/ext4.h; libblkid's rules)."""
    block = read(0x400, 0x100)
    if len(block) < 0x100 or block[0x38:0x3A] != b"\x53\xef":
        return None
    compat, incompat, read_only = struct.unpack_from("<III", block, 0x5C)
    if incompat & 0x8:
        return "jbd"
    # beyond what ext3 knows: filetype, recover, meta_bg; sparse_super, large_file, btree_dir
    if incompat & ~0x16 or read_only & ~0x7:
        return "ext4"
    return "ext3" if compat & 0x4 else "ext2"


def unfinished(name: str, read: Read) -> bool:
    """Whether mkfs was interrupted on it: XFS keeps sb_inprogress (fs/xfs/libxfs/xfs_format.h) set until the end."""
    return name == "xfs" and read(126, 1) == b"\1"


def is_fat(sector: bytes) -> bool:
    """Whether a boot sector describes a FAT volume: by its parameter block, as mount does, not by its text."""
    if len(sector) < 512 or sector[510:512] != b"\x55\xaa":
        return False
    bytes_per_sector, per_cluster, reserved, fats = struct.unpack_from("<HBHB", sector, 11)
    media = sector[21]
    return (
        bytes_per_sector in (512, 1024, 2048, 4096)
        and per_cluster > 0
        and per_cluster & (per_cluster - 1) == 0
        and reserved > 0
        and fats in (1, 2)
        and (media == 0xF0 or media >= 0xF8)
    )


def is_mbr(sector: bytes) -> bool:
    """Whether a first sector is a partition table: signature, sane boot flags, at least one entry, no FAT or NTFS."""
    if len(sector) < 512 or sector[510:512] != b"\x55\xaa" or is_fat(sector) or sector[3:7] in (b"NTFS", b"EXFA"):
        return False
    entries = [sector[446 + n * 16 : 462 + n * 16] for n in range(4)]
    return all(e[0] in (0, 0x80) for e in entries) and any(e[4] for e in entries)


def _xfs(read: Read) -> Details:
    block = read(0, 512)
    block_size, blocks = struct.unpack_from(">IQ", block, 4)
    return Details(_text(block[108:120]), _uuid(block[32:48]), block_size, block_size * blocks)


def _ext(read: Read) -> Details:
    block = read(0x400, 0x200)
    low, shift = struct.unpack_from("<I", block, 4)[0], struct.unpack_from("<I", block, 0x18)[0]
    high = struct.unpack_from("<I", block, 0x150)[0] if struct.unpack_from("<I", block, 0x60)[0] & 0x80 else 0
    block_size = 1024 << min(shift, 16)
    return Details(_text(block[0x78:0x88]), _uuid(block[0x68:0x78]), block_size, (high << 32 | low) * block_size)


def _vfat(read: Read) -> Details:
    sector = read(0, 512)
    # a FAT32 volume leaves the 16-bit length of its tables zero
    at = 39 if struct.unpack_from("<H", sector, 22)[0] else 67
    serial = struct.unpack_from("<I", sector, at)[0]
    label = _text(sector[at + 4 : at + 15]).rstrip()
    sector_size, small = struct.unpack_from("<H", sector, 11)[0], struct.unpack_from("<H", sector, 19)[0]
    large = struct.unpack_from("<I", sector, 32)[0]
    name = "" if label == "NO NAME" else label
    return Details(name, f"{serial >> 16:04X}-{serial & 0xFFFF:04X}", sector_size, (small or large) * sector_size)


def _luks(read: Read) -> Details:
    head = read(0, 512)
    label = _text(head[24:72]) if head[6:8] == b"\0\2" else ""
    return Details(label, _text(head[168:208]))


def _lvm(read: Read) -> Details:
    for n in range(4):
        label = read(n * 512, 512)
        if label[:8] == b"LABELONE":
            at = struct.unpack_from("<I", label, 20)[0]
            raw = label[at : at + 32].decode("ascii")
            cuts = (0, 6, 10, 14, 18, 22, 26, 32)
            return Details("", "-".join(raw[a:b] for a, b in pairwise(cuts)))
    return Details()


def _md(read: Read) -> Details:
    block = next((b for b in (read(0, 128), read(0x1000, 128)) if b[:4] == b"\xfc\x4e\x2b\xa9"), b"")
    return Details(_text(block[32:64]), _uuid(block[16:32]))


def _swap(read: Read) -> Details:
    block = read(1024, 64)
    return Details(_text(block[28:44]), _uuid(block[12:28]))


def _iso(read: Read) -> Details:
    block = read(0x8000, 2048)
    changed = next((d for at in (830, 813) if (d := _text(block[at : at + 16])).strip("0")), "")
    parts = (changed[a:b] for a, b in ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14), (14, 16)))
    block_size, blocks = struct.unpack_from("<H", block, 128)[0], struct.unpack_from("<I", block, 80)[0]
    return Details(_text(block[40:72]).rstrip(), "-".join(parts) if changed else "", block_size, block_size * blocks)


def _squashfs(read: Read) -> Details:
    head = read(0, 96)
    return Details("", "", struct.unpack_from("<I", head, 12)[0], struct.unpack_from("<Q", head, 40)[0])


def _btrfs(read: Read) -> Details:
    block = read(0x10000, 0x400)
    size, sector = struct.unpack_from("<Q", block, 0x70)[0], struct.unpack_from("<I", block, 0x90)[0]
    return Details(_text(block[299:555]), _uuid(block[32:48]), sector, size)


def _erofs(read: Read) -> Details:
    block = read(0x400, 128)
    return Details(_text(block[64:80]), _uuid(block[48:64]), 1 << min(block[12], 16))


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("utf-8", "replace")


def _uuid(raw: bytes) -> str:
    return str(uuid.UUID(bytes=raw)) if any(raw) else ""


_READERS: Final[dict[str, Callable[[Read], Details]]] = {
    "xfs": _xfs,
    **dict.fromkeys(("ext2", "ext3", "ext4", "jbd"), _ext),
    "vfat": _vfat,
    "crypto_LUKS": _luks,
    "LVM2_member": _lvm,
    "linux_raid_member": _md,
    "swap": _swap,
    "iso9660": _iso,
    "squashfs": _squashfs,
    "btrfs": _btrfs,
    "erofs": _erofs,
}
