"""cpio "newc", the kernel's initramfs format (Documentation/driver-api/early-userspace/buffer-format.rst): members to
bytes and back. Inode numbers count up from 1 and nothing else varies, so equal members give equal bytes."""

import stat
from collections.abc import Iterable, Iterator
from typing import Final

from core.base.errors import Invalid
from core.codec.member import Member

MAGIC: Final = b"070701"
TRAILER: Final = "TRAILER!!!"
_HEADER: Final = 110


def pack(members: Iterable[Member]) -> bytes:
    """The archive, ended by its trailer and padded to 512 bytes."""
    out = bytearray()
    for inode, member in enumerate(members, start=1):
        _append(out, inode, member)
    _append(out, 0, Member(TRAILER, 0))
    return bytes(out) + bytes(-len(out) % 512)


def unpack(data: bytes) -> Iterator[Member]:
    """The members up to the trailer. Raises Invalid for anything cut short or of another format."""
    offset = 0
    while True:
        fields = _fields(data, offset)
        mode, uid, gid, mtime, size, major, minor, name_size = (fields[i] for i in (1, 2, 3, 5, 6, 9, 10, 11))
        start = offset + _HEADER
        body = _aligned(start + name_size)
        end = body + size
        if name_size < 1 or end > len(data) or data[start + name_size - 1]:
            raise Invalid(f"the cpio member at byte {offset} is cut short")
        name = data[start : start + name_size - 1].decode("utf-8", "surrogateescape")
        if name == TRAILER:
            return
        content = data[body:end]
        link = stat.S_ISLNK(mode)
        yield Member(
            name,
            mode,
            b"" if link else content,
            content.decode("utf-8", "surrogateescape") if link else "",
            mtime,
            uid,
            gid,
            (major, minor),
        )
        offset = _aligned(end)


def _append(out: bytearray, inode: int, member: Member) -> None:
    name = member.name.encode("utf-8", "surrogateescape") + b"\0"
    body = member.target.encode("utf-8", "surrogateescape") if stat.S_ISLNK(member.mode) else member.data
    links = 2 if stat.S_ISDIR(member.mode) else 1
    values = (inode, member.mode, member.uid, member.gid, links, member.mtime, len(body), 0, 0, *member.rdev)
    out += MAGIC + b"".join(b"%08X" % value for value in (*values, len(name), 0)) + name
    out += bytes(-len(out) % 4) + body
    out += bytes(-len(out) % 4)


def _fields(data: bytes, offset: int) -> tuple[int, ...]:
    header = data[offset : offset + _HEADER]
    digits = header[6:]
    if len(header) < _HEADER or header[:6] != MAGIC or not digits.isalnum():
        raise Invalid(f"no newc cpio member at byte {offset}")
    try:
        return tuple(int(digits[i : i + 8], 16) for i in range(0, 104, 8))
    except ValueError:
        raise Invalid(f"no newc cpio member at byte {offset}") from None


def _aligned(offset: int) -> int:
    return (offset + 3) & ~3
