"""Whose a bad block is when the tables themselves are bad, and how it is put into words."""

import struct

from core.base.errors import Unsupported
from core.codec import blame


def _superblock(tables: tuple[int, int, int, int]) -> bytes:
    inodes, folders, ids, used = tables
    head = struct.pack("<4sIIIIHHHHHH", b"hsqs", 1, 0, 131072, 0, 6, 17, 0, 1, 4, 0)
    none = (1 << 64) - 1
    return head + struct.pack("<8Q", 0, used, ids, none, inodes, folders, none, none)


def test_a_bad_table_is_told_from_the_superblock() -> None:
    image = _superblock((8192, 12288, 20000, 20008)).ljust(20000, b"\0") + (16384).to_bytes(8, "little")
    heard: list[Exception] = []

    def read(offset: int, size: int) -> bytes:
        return image[offset : offset + size]

    assert blame.owners(read, 2, heard.append) == ["inode table"]
    assert blame.owners(read, 3, heard.append) == ["folder table"]
    assert len(heard) == 2 and all(isinstance(error, Unsupported) for error in heard)


def test_without_a_superblock_its_block_alone_has_a_name() -> None:
    def read(offset: int, size: int) -> bytes:
        raise OSError(5, "Input/output error")

    heard: list[Exception] = []
    assert blame.owners(read, 0, heard.append) == ["superblock"]
    assert blame.owners(read, 1, heard.append) == []
    assert len(heard) == 4


def test_many_files_are_counted() -> None:
    assert blame.named([]) == ""
    assert blame.named(["hash tree"]) == ", hash tree"
    assert blame.named(["/a"]) == ", file /a"
    files = [f"/{number}" for number in range(11)]
    assert blame.named([*files, "inode table"]) == f", files {', '.join(files[:8])} and 3 more, inode table"
