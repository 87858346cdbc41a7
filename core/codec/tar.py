"""POSIX tar (ustar with pax records where a value does not fit, IEEE 1003.1 "pax"): members to bytes and back. Refuses
GNU extensions, hard links and sparse files; equal members give equal bytes."""

import stat
from collections.abc import Iterable, Iterator
from typing import Final

from core.base.errors import Invalid
from core.codec.member import Member

BLOCK: Final = 512
END: Final = bytes(2 * BLOCK)
_TYPES: Final = {
    stat.S_IFREG: b"0",
    stat.S_IFLNK: b"2",
    stat.S_IFCHR: b"3",
    stat.S_IFBLK: b"4",
    stat.S_IFDIR: b"5",
    stat.S_IFIFO: b"6",
}
_MODES: Final = {flag: mode for mode, flag in _TYPES.items()} | {b"\0": stat.S_IFREG}
_MAX_PAX: Final = 1 << 20


def pack(members: Iterable[Member]) -> bytes:
    """The whole archive, in memory."""
    parts = [part for m in members for part in (header(m, len(m.data)), m.data, padding(len(m.data)))]
    return b"".join((*parts, END))


def header(member: Member, size: int) -> bytes:
    """What comes before `size` bytes of content; follow those with `padding(size)`, and the last member with END."""
    kind = _TYPES.get(stat.S_IFMT(member.mode))
    if kind is None:
        raise Invalid(f"tar cannot hold {member.name!r} of mode {member.mode:o}")
    name = _encode(member.name.rstrip("/") + ("/" if kind == b"5" else ""))
    target = _encode(member.target)
    long = {
        b"path": name if len(name) > 100 else b"",
        b"linkpath": target if len(target) > 100 else b"",
        b"size": _long(size, 11),
        b"mtime": _long(member.mtime, 11),
        b"uid": _long(member.uid, 7),
        b"gid": _long(member.gid, 7),
    }
    records = b"".join(_record(key, value) for key, value in long.items() if value)
    pax = b""
    if records:
        pax = _block(b"PaxHeader", 0o644, (0, 0), len(records), 0, b"x", b"", (0, 0)) + records + padding(len(records))
    owner = (0 if long[b"uid"] else member.uid, 0 if long[b"gid"] else member.gid)
    plain, mtime = 0 if long[b"size"] else size, 0 if long[b"mtime"] else member.mtime
    return pax + _block(name[:100], member.mode & 0o7777, owner, plain, mtime, kind, target[:100], member.rdev)


def padding(size: int) -> bytes:
    """The zeros after `size` bytes of content."""
    return bytes(-size % BLOCK)


def unpack(data: bytes) -> Iterator[Member]:
    """The members of an archive in memory. Raises Invalid for a bad checksum, a cut or a member of another kind."""
    offset, pax = 0, dict[bytes, bytes]()
    while offset + BLOCK <= len(data):
        block = data[offset : offset + BLOCK]
        if not any(block):
            return
        _check(block, offset)
        size = int(pax.get(b"size", b"0")) or _number(block[124:136])  # of at most 19 digits: `_records`
        body = data[offset + BLOCK : offset + BLOCK + size]
        if len(body) != size:
            break
        offset += BLOCK + size + -size % BLOCK
        kind = block[156:157]
        if kind == b"x":
            pax = _records(body)
        elif kind != b"g":
            yield _member(block, kind, body, pax)
            pax = {}
    raise Invalid(f"the tar archive is cut short at byte {offset}")


def _member(block: bytes, kind: bytes, body: bytes, pax: dict[bytes, bytes]) -> Member:
    if kind not in _MODES:
        raise Invalid(f"a tar member of kind {kind!r} is not supported")
    prefix = _text(block[345:500])
    name = _text(block[:100])
    return Member(
        _decode(pax.get(b"path", prefix + b"/" + name if prefix else name)).rstrip("/"),
        _MODES[kind] | _number(block[100:108]) & 0o7777,  # some write the type there too
        body,
        _decode(pax.get(b"linkpath", _text(block[157:257]))) if kind == b"2" else "",
        _signed(pax.get(b"mtime"), block[136:148]),
        _signed(pax.get(b"uid"), block[108:116]),
        _signed(pax.get(b"gid"), block[116:124]),
        (_number(block[329:337]), _number(block[337:345])) if kind in (b"3", b"4") else (0, 0),
    )


def _block(
    name: bytes,
    mode: int,
    owner: tuple[int, int],
    size: int,
    mtime: int,
    kind: bytes,
    target: bytes,
    dev: tuple[int, int],
) -> bytes:
    head = name.ljust(100, b"\0") + b"".join(_octal(number, 7) for number in (mode, *owner))
    tail = kind + target.ljust(100, b"\0") + b"ustar\x0000" + bytes(64) + b"".join(_octal(number, 7) for number in dev)
    numbers = _octal(size, 11) + _octal(mtime, 11)
    total = sum(head + numbers + b" " * 8 + tail)
    return (head + numbers + b"%06o\0 " % total + tail).ljust(BLOCK, b"\0")


def _record(key: bytes, value: bytes) -> bytes:
    body = b" " + key + b"=" + value + b"\n"
    length = len(body) + 1
    while len(b"%d" % length) + len(body) != length:
        length = len(b"%d" % length) + len(body)
    return b"%d" % length + body


def _records(data: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    while data:
        digits = data.partition(b" ")[0]
        length = int(digits) if digits.isdigit() and len(digits) < 8 else 0
        if not len(digits) + 3 <= length <= min(len(data), _MAX_PAX):
            raise Invalid("a pax record of the tar archive is malformed")
        key, _, value = data[len(digits) + 1 : length - 1].partition(b"=")
        found[key], data = value, data[length:]
    size = found.get(b"size", b"0")
    if not size.isdigit() or len(size) > 19:
        raise Invalid("a pax size of the tar archive is not a number")
    return found


def _check(block: bytes, offset: int) -> None:
    if sum(block[:148]) + sum(block[156:]) + 8 * 32 != _number(block[148:156]):
        raise Invalid(f"the tar header at byte {offset} has a bad checksum")


def _number(field: bytes) -> int:
    digits = field.strip(b" \0")
    if digits.strip(b"01234567"):  # int() would take signs, underscores and prefixes too
        raise Invalid(f"{digits!r} in a tar header is not an octal number")
    return int(digits or b"0", 8)


def _signed(record: bytes | None, field: bytes) -> int:
    """A number of the header, or the pax record that stands for it: decimal, maybe below zero or with a fraction."""
    if record is None:
        return _number(field)
    digits = record.partition(b".")[0]
    if not digits.removeprefix(b"-").isdigit() or len(digits) > 20:
        raise Invalid(f"{record!r} in a pax record of the tar archive is not a number")
    return int(digits)


def _long(number: int, digits: int) -> bytes:
    """The pax record of a number that the header's field of octal digits cannot hold."""
    return b"" if 0 <= number < 8**digits else b"%d" % number


def _octal(number: int, digits: int) -> bytes:
    if not 0 <= number < 8**digits:
        raise Invalid(f"{number} does not fit a tar header's field of {digits} octal digits")
    return b"%0*o\0" % (digits, number)


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _decode(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
