"""Where each file of a squashfs 4.0 lies (Documentation/filesystems/squashfs.rst): which bytes of the image are whose,
so that a broken block can be named by its file and the image's size by its parts. Reads superblock, inodes, folders and
the fragment table, which our images hold uncompressed; refuses compressed metadata and reads no file's content."""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from core.base.errors import Invalid, Unsupported

Read = Callable[[int, int], bytes]
_SUPER: Final = struct.Struct("<4sIIIIHHHHHHQQQQQQQQ")
_HEADER: Final = struct.Struct("<HHHHII")
_PLAIN: Final = 1 << 15
_STORED: Final = (1 << 24) - 1
_NONE: Final = 0xFFFFFFFF
_ABSENT: Final = 0xFFFFFFFFFFFFFFFF
_FOLDER, _FILE, _WIDE_FOLDER, _WIDE_FILE = 1, 2, 8, 9


@dataclass(frozen=True, slots=True)
class File:
    """A file's place: `start` and `stored` bytes of whole blocks, then `tail` bytes within a shared fragment."""

    path: str
    start: int
    stored: int
    fragment: int | None
    tail: int


@dataclass(frozen=True, slots=True)
class Layout:
    """All files, and (start, stored bytes) of each fragment."""

    files: tuple[File, ...]
    fragments: tuple[tuple[int, int], ...]

    def owners(self, offset: int, size: int) -> list[str]:
        """Paths of the files that have bytes in `offset` .. `offset + size`; none: the file system's own tables."""

        def hit(start: int, stored: int) -> bool:
            return start < offset + size and offset < start + stored

        tails = {number for number, place in enumerate(self.fragments) if hit(*place)}
        return [file.path for file in self.files if hit(file.start, file.stored) or file.fragment in tails]


def layout(read: Read) -> Layout:
    """The layout of the file system that `read(offset, size)` reads. Raises Invalid, or Unsupported for compressed
    metadata."""
    return _Reader(read).layout()


class _Reader:
    def __init__(self, read: Read) -> None:
        self._read = read
        raw = read(0, _SUPER.size)
        if len(raw) < _SUPER.size or raw[:4] != b"hsqs":
            raise Invalid("this is not a squashfs")
        fields = _SUPER.unpack(raw)
        self._block, self._count, self._root = fields[3], fields[4], fields[11]
        ids, _, inodes, folders, self._fragments, exports = fields[13:]
        index = self._fragments if self._count else exports if exports < _ABSENT else ids
        end = int.from_bytes(read(index, 8), "little")
        if not 4096 <= self._block <= 1 << 20 or not inodes <= folders <= end <= index <= fields[12]:
            raise Invalid("the squashfs superblock contradicts itself")
        self._inodes, self._inode_at = self._table(inodes, folders)
        self._folders, self._folder_at = self._table(folders, end)

    def layout(self) -> Layout:
        try:
            return Layout(tuple(self._walk("", self._root, 0)), tuple(self._fragment_table()))
        except (struct.error, KeyError, IndexError):
            raise Invalid("the squashfs tables are broken") from None

    def _table(self, start: int, end: int) -> tuple[bytes, dict[int, int]]:
        """A metadata table's bytes, and where in them each of its blocks begins."""
        out, places = bytearray(), dict[int, int]()
        at = start
        while at + 2 <= end:
            places[at - start] = len(out)
            data = self._metadata(at)
            at += 2 + len(data)
            out += data
        return bytes(out), places

    def _metadata(self, at: int) -> bytes:
        head = self._read(at, 2)
        size = int.from_bytes(head, "little")
        if len(head) < 2 or not size & _PLAIN:
            raise Unsupported("the squashfs has compressed metadata", remedy="build it with mksquashfs -noI")
        data = self._read(at + 2, size & ~_PLAIN)
        if not data or len(data) != size & ~_PLAIN or len(data) > 8192:
            raise Invalid("the squashfs tables are broken")
        return data

    def _walk(self, path: str, reference: int, depth: int) -> Iterator[File]:
        if depth > 64:
            raise Invalid("the squashfs nests folders without end")
        at = self._inode_at[reference >> 16] + (reference & 0xFFFF)
        kind = _HEADER.unpack_from(self._inodes, at)[0]
        at += _HEADER.size
        if kind in (_FILE, _WIDE_FILE):
            yield self._file(path, kind, at)
        elif kind == _FOLDER:
            start, _, size, offset = struct.unpack_from("<IIHH", self._inodes, at)
            yield from self._folder(path, start, offset, size, depth)
        elif kind == _WIDE_FOLDER:
            _, size, start, _, _, offset = struct.unpack_from("<IIIIHH", self._inodes, at)
            yield from self._folder(path, start, offset, size, depth)

    def _file(self, path: str, kind: int, at: int) -> File:
        if kind == _FILE:
            start, fragment, _, size = struct.unpack_from("<IIII", self._inodes, at)
            at += 16
        else:
            start, size, _, _, fragment, _, _ = struct.unpack_from("<QQQIIII", self._inodes, at)
            at += 40
        whole, tail = divmod(size, self._block)
        if fragment == _NONE:
            whole, tail = whole + (tail > 0), 0
        blocks = struct.unpack_from(f"<{whole}I", self._inodes, at)
        return File(path, start, sum(b & _STORED for b in blocks), None if fragment == _NONE else fragment, tail)

    def _folder(self, path: str, start: int, offset: int, size: int, depth: int) -> Iterator[File]:
        at = self._folder_at[start] + offset if size > 3 else 0
        end = at + size - 3
        while at < end:
            count, block, _ = struct.unpack_from("<III", self._folders, at)
            at += 12
            for _ in range(count + 1):
                inode, _, _, length = struct.unpack_from("<HhHH", self._folders, at)
                name = self._folders[at + 8 : at + 9 + length].decode("utf-8", "surrogateescape")
                at += 9 + length
                yield from self._walk(f"{path}/{name}", block << 16 | inode, depth + 1)

    def _fragment_table(self) -> Iterator[tuple[int, int]]:
        per_block = 512
        for first in range(0, self._count, per_block):
            pointer = int.from_bytes(self._read(self._fragments + first // per_block * 8, 8), "little")
            entries = self._metadata(pointer)
            for i in range(min(per_block, self._count - first)):
                start, stored, _ = struct.unpack_from("<QII", entries, i * 16)
                yield start, stored & _STORED
