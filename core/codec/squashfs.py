"""Where each file of a squashfs 4.0 lies (Documentation/filesystems/squashfs.rst): which bytes of the image are whose,
so that a broken block can be named by its files or table and the image's size told by its parts. Reads superblock,
inodes, folders and the fragment table, which our images hold uncompressed; refuses compressed metadata and reads no
file's content."""

import struct
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from core.base.errors import Invalid, Unsupported

Read = Callable[[int, int], bytes]
_SUPER: Final = struct.Struct("<4sIIIIHHHHHHQQQQQQQQ")
_HEADER: Final = struct.Struct("<HHHHII")
_PLAIN: Final = 1 << 15
_OPTIONS: Final = 1 << 10
_STORED: Final = (1 << 24) - 1
_NONE: Final = 0xFFFFFFFF
_DEEPEST: Final = 64
_ABSENT: Final = 0xFFFFFFFFFFFFFFFF
_FOLDER, _FILE, _WIDE_FOLDER, _WIDE_FILE = 1, 2, 8, 9


class File(msgspec.Struct, frozen=True):
    """A file's place: `start` and `stored` bytes of whole blocks, then `tail` bytes within a shared fragment."""

    path: str
    start: int
    stored: int
    fragment: int | None
    tail: int


class Table(msgspec.Struct, frozen=True):
    """A part of the file system that is no file's: `start` up to and without `end`."""

    name: str
    start: int
    end: int


class Layout(msgspec.Struct, frozen=True):
    """All files, (start, stored bytes) of each fragment, and the tables."""

    files: tuple[File, ...]
    fragments: tuple[tuple[int, int], ...]
    tables: tuple[Table, ...]

    def owners(self, offset: int, size: int) -> list[str]:
        """What has bytes in `offset` .. `offset + size`: paths of files, each with a slash in front, all that share a
        fragment; then names of tables. None: it is past the end."""

        def hit(start: int, stored: int) -> bool:
            return bool(stored) and start < offset + size and offset < start + stored

        tails = {number for number, place in enumerate(self.fragments) if hit(*place)}
        found = [file.path for file in self.files if hit(file.start, file.stored) or file.fragment in tails]
        return found + [table.name for table in self.tables if hit(table.start, table.end - table.start)]


def layout(read: Read) -> Layout:
    """The layout of the file system that `read(offset, size)` reads. Raises Invalid, or Unsupported for compressed
    metadata."""
    return _Reader(read).layout()


def tables(read: Read) -> tuple[Table, ...]:
    """The tables alone, from the superblock and what it points at, for when they themselves cannot be read. The pointer
    in a lookup table that cannot be read either is taken to point at itself."""
    return _Super(read).tables(read)


class _Super:
    """The superblock's fields."""

    def __init__(self, read: Read) -> None:
        raw = read(0, _SUPER.size)
        if len(raw) < _SUPER.size or raw[:4] != b"hsqs":
            raise Invalid("this is not a squashfs")
        fields = _SUPER.unpack(raw)
        self.block, self.fragment_count, self.root, self.used = fields[3], fields[4], fields[11], fields[12]
        ids, xattrs, self.inodes, self.folders, self.fragments, exports = fields[13:]
        self._flags = fields[7]
        places = {"fragment table": self.fragments if self.fragment_count else _ABSENT, "export table": exports}
        places |= {"id table": ids, "xattr table": xattrs}
        self._lookups = sorted((at, name) for name, at in places.items() if at < _ABSENT)
        order = [_SUPER.size, self.inodes, self.folders, *(at for at, _ in self._lookups), self.used]
        if not 4096 <= self.block <= 1 << 20 or order != sorted(order):
            raise Invalid("the squashfs superblock contradicts itself")

    def tables(self, read: Read) -> tuple[Table, ...]:
        """In their order on disk."""
        starts = [(self.inodes, "inode table"), (self.folders, "folder table")]
        for index, name in self._lookups:
            starts.append((max(_pointer(read, index), starts[-1][0]), name))
        ends = [start for start, _ in starts[1:]] + [self.used]
        found = [Table(name, start, end) for (start, name), end in zip(starts, ends, strict=True)]
        return Table("superblock", 0, self._head(read)), *found

    def _head(self, read: Read) -> int:
        """Where the superblock ends, with the compressor's options behind it."""
        if not self._flags & _OPTIONS:
            return _SUPER.size
        return _SUPER.size + 2 + (int.from_bytes(read(_SUPER.size, 2), "little") & ~_PLAIN)


def _pointer(read: Read, index: int) -> int:
    """The first place in a lookup table: where the table's own bytes begin, before that list of places."""
    try:
        raw = read(index, 8)
    except OSError:
        return index
    return min(int.from_bytes(raw, "little"), index) if len(raw) == 8 else index


class _Reader:
    def __init__(self, read: Read) -> None:
        self._read, self._super = read, _Super(read)
        self._parts = self._super.tables(read)
        places = {table.name: table for table in self._parts}
        self._inodes, self._inode_at = self._table(places["inode table"])
        self._folders, self._folder_at = self._table(places["folder table"])
        self._seen: set[int] = set()
        self._listed = 0

    def layout(self) -> Layout:
        try:
            return Layout(tuple(self._walk("", self._super.root)), tuple(self._fragment_table()), self._parts)
        except (struct.error, KeyError, IndexError):
            raise Invalid("the squashfs tables are broken") from None

    def _table(self, table: Table) -> tuple[bytes, dict[int, int]]:
        """A metadata table's bytes, and where in them each of its blocks begins."""
        out, places = bytearray(), dict[int, int]()
        at = table.start
        while at + 2 <= table.end:
            places[at - table.start] = len(out)
            data = self._metadata(at)
            at += 2 + len(data)
            out += data
        return bytes(out), places

    def _metadata(self, at: int) -> bytes:
        head = self._read(at, 2)
        size = int.from_bytes(head, "little")
        if len(head) == 2 and not size & _PLAIN:
            raise Unsupported("the squashfs has compressed metadata", remedy="build it with mksquashfs -noI")
        data = self._read(at + 2, size & ~_PLAIN)
        if not data or len(data) != size & ~_PLAIN or len(data) > 8192:
            raise Invalid("the squashfs tables are broken")
        return data

    def _walk(self, path: str, reference: int) -> Iterator[File]:
        at = self._inode_at[reference >> 16] + (reference & 0xFFFF)
        kind = _HEADER.unpack_from(self._inodes, at)[0]
        at += _HEADER.size
        if kind in (_FOLDER, _WIDE_FOLDER):
            if reference in self._seen:
                raise Invalid("the squashfs has a folder within itself")
            if path.count("/") > _DEEPEST:
                raise Invalid(f"the squashfs nests folders more than {_DEEPEST} deep")
            self._seen.add(reference)
        if kind in (_FILE, _WIDE_FILE):
            yield self._file(path, kind, at)
        elif kind == _FOLDER:
            start, _, size, offset = struct.unpack_from("<IIHH", self._inodes, at)
            yield from self._folder(path, start, offset, size)
        elif kind == _WIDE_FOLDER:
            _, size, start, _, _, offset = struct.unpack_from("<IIIIHH", self._inodes, at)
            yield from self._folder(path, start, offset, size)

    def _file(self, path: str, kind: int, at: int) -> File:
        if kind == _FILE:
            start, fragment, _, size = struct.unpack_from("<IIII", self._inodes, at)
            at += 16
        else:
            start, size, _, _, fragment, _, _ = struct.unpack_from("<QQQIIII", self._inodes, at)
            at += 40
        whole, tail = divmod(size, self._super.block)
        if fragment == _NONE:
            whole, tail = whole + (tail > 0), 0
        blocks = struct.unpack_from(f"<{whole}I", self._inodes, at)
        return File(path, start, sum(b & _STORED for b in blocks), None if fragment == _NONE else fragment, tail)

    def _folder(self, path: str, start: int, offset: int, size: int) -> Iterator[File]:
        at = self._folder_at[start] + offset if size > 3 else 0
        end = at + size - 3
        self._listed += max(0, size - 3)
        if self._listed > len(self._folders):  # or a small image could name files without end
            raise Invalid("folders of the squashfs share their lists")
        while at < end:
            count, block, _ = struct.unpack_from("<III", self._folders, at)
            at += 12
            for _ in range(count + 1):
                inode, _, _, length = struct.unpack_from("<HhHH", self._folders, at)
                name = self._folders[at + 8 : at + 9 + length].decode("utf-8", "surrogateescape")
                at += 9 + length
                if at > end:
                    raise Invalid("a folder of the squashfs lists more than it holds")
                yield from self._walk(f"{path}/{name}", block << 16 | inode)

    def _fragment_table(self) -> Iterator[tuple[int, int]]:
        per_block, count = 512, self._super.fragment_count
        for first in range(0, count, per_block):
            index = self._super.fragments + first // per_block * 8
            entries = self._metadata(int.from_bytes(self._read(index, 8), "little"))
            for i in range(min(per_block, count - first)):
                start, stored, _ = struct.unpack_from("<QII", entries, i * 16)
                yield start, stored & _STORED
