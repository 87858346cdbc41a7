"""The META partition's bytes <-> {tag: value}. Two equal copies of a checksummed block stand at its start; at its very
end stand two small blocks of syslinux's format, which are only read. Refuses values that do not fit; never raises on
what it reads: a copy that does not check out counts as absent."""

import hashlib
import struct
from collections.abc import Mapping
from typing import Final

from core.base.errors import Exhausted, Invalid

COPY_SIZE: Final = 256 * 1024
PARTITION_SIZE: Final = 1 << 20
# header magic, checksum and footer magic are not for values
CAPACITY: Final = COPY_SIZE - 4 - 32 - 4
_HEAD: Final = b"\x5a\x4b\x3c\x2d"
_FOOT: Final = b"\xa5\xb4\xc3\xd2"
_RECORD: Final = struct.Struct(">II")
_SYSLINUX_SIZE: Final = 512
_SYSLINUX_MAGICS: Final = (0x5A2D2FA5, 0xA3041767, 0xDD28BF64)


def encode(values: Mapping[int, bytes]) -> bytes:
    """One copy, COPY_SIZE bytes, tags ascending. Raises Invalid for tag 0, Exhausted when it does not fit."""
    if any(not 0 < tag < 1 << 32 for tag in values):
        raise Invalid("a META tag is a number from 1 to 2^32-1")
    body = b"".join(_RECORD.pack(tag, len(value)) + value for tag, value in sorted(values.items()))
    if len(body) > CAPACITY:
        raise Exhausted(f"META holds {CAPACITY} bytes, these values need {len(body)}", remedy="delete a key first")
    block = _HEAD + body.ljust(CAPACITY, b"\0")
    return block + hashlib.sha256(block + bytes(32) + _FOOT).digest() + _FOOT


def decode(partition: bytes) -> dict[int, bytes]:
    """The values of the first copy that checks out, else those of the syslinux blocks, else none."""
    for start in (0, COPY_SIZE):
        values = _copy(partition[start : start + COPY_SIZE])
        if values is not None:
            return values
    for end in (len(partition) - _SYSLINUX_SIZE, len(partition)):
        values = _syslinux(partition[max(0, end - _SYSLINUX_SIZE) : max(0, end)])
        if values is not None:
            return values
    return {}


def intact(partition: bytes) -> bool:
    """Whether both copies check out and agree; if not, the next write mends them."""
    first, second = partition[:COPY_SIZE], partition[COPY_SIZE : 2 * COPY_SIZE]
    return first == second and _copy(first) is not None


def recognise(start: bytes) -> bool:
    """Whether bytes from the start of a partition begin like META's first copy."""
    return start.startswith(_HEAD)


def _copy(block: bytes) -> dict[int, bytes] | None:
    if len(block) != COPY_SIZE or not block.startswith(_HEAD) or not block.endswith(_FOOT):
        return None
    body = block[: 4 + CAPACITY]
    if hashlib.sha256(body + bytes(32) + _FOOT).digest() != block[-36:-4]:
        return None
    return _records(body, 4, _RECORD)


def _syslinux(block: bytes) -> dict[int, bytes] | None:
    if len(block) != _SYSLINUX_SIZE:
        return None
    first, checksum, *words, last = struct.unpack("<128I", block)
    if (first, last) != (_SYSLINUX_MAGICS[0], _SYSLINUX_MAGICS[2]):
        return None
    if (checksum + sum(words)) & 0xFFFFFFFF != _SYSLINUX_MAGICS[1]:
        return None
    return _records(block[:-4], 8, struct.Struct("BB"))


def _records(data: bytes, offset: int, head: struct.Struct) -> dict[int, bytes] | None:
    """Tag-length-value records up to a zero tag or the end; None when one reaches past the end."""
    values: dict[int, bytes] = {}
    while offset + head.size <= len(data):
        tag, size = head.unpack_from(data, offset)
        if tag == 0:
            break
        offset += head.size
        if offset + size > len(data):
            return None
        values[tag] = data[offset : offset + size]
        offset += size
    return values
