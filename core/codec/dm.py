"""Device-mapper's control structures <-> values (include/uapi/linux/dm-ioctl.h, version 4), and the tables and errors
of its verity target (Documentation/admin-guide/device-mapper/verity.rst). Refuses answers that do not add up."""

import re
import struct
from typing import Final

import msgspec

from core.base.errors import Invalid

_HEAD: Final = struct.Struct("=3I I I I i I I I Q 128s 129s 7x")
_TARGET: Final = struct.Struct("=QQiI16s")
BUFFER: Final = 16 << 10
_NUMBER: Final = re.compile(r"[0-9]{1,20}")
_VERITY_EVENT: Final = "DM_VERITY_ERR_BLOCK_NR"


class Target(msgspec.Struct, frozen=True):
    """A range of a mapped device (sectors of 512 bytes) with the words of its table or its status."""

    start: int
    sectors: int
    type: str
    words: tuple[str, ...]


class Verity(msgspec.Struct, frozen=True):
    """A verity target's table."""

    data_device: str
    hash_device: str
    data_block_size: int
    data_blocks: int
    algorithm: str
    root_hash: str
    salt: str


class BadBlock(msgspec.Struct, frozen=True):
    """A block whose hash is wrong; of the hash tree itself when not `data`."""

    block: int
    data: bool


def request(name: str, flags: int) -> bytes:
    """A request about the device called `name`, padded to room for the answer. Raises Invalid."""
    raw = name.encode()
    if not 0 < len(raw) < 128:
        raise Invalid(f"{name!r} is no name of a mapped device")
    head = _HEAD.pack(4, 0, 0, BUFFER, _HEAD.size, 0, 0, flags, 0, 0, 0, raw, b"")
    return head.ljust(BUFFER, b"\0")


def targets(answer: bytes) -> list[Target]:
    """What DM_TABLE_STATUS answered. Raises Invalid."""
    if len(answer) < _HEAD.size:
        raise Invalid("device-mapper's answer is cut short")
    _, _, _, size, start, count, *_ = _HEAD.unpack_from(answer)
    found: list[Target] = []
    offset = start
    for _ in range(count):
        if not start <= offset <= min(size, len(answer)) - _TARGET.size:
            raise Invalid("device-mapper's answer points outside itself")
        first, sectors, _, following, kind = _TARGET.unpack_from(answer, offset)
        end = answer.find(b"\0", offset + _TARGET.size)
        words = answer[offset + _TARGET.size : end if end >= 0 else len(answer)].decode("utf-8", "replace").split()
        found.append(Target(first, sectors, kind.partition(b"\0")[0].decode("utf-8", "replace"), tuple(words)))
        # `next` counts from the first target, and goes on from where it was
        if following < offset - start + _TARGET.size and len(found) < count:
            raise Invalid("device-mapper's answer goes round in circles")
        offset = start + following
    return found


def verity(target: Target) -> Verity:
    """The table of a verity target. Raises Invalid."""
    if target.type != "verity" or len(target.words) < 10:
        raise Invalid("the target is no verity target")
    _, data, hashes, block, _, blocks, _, algorithm, root, salt, *_ = target.words
    if not _NUMBER.fullmatch(block) or not _NUMBER.fullmatch(blocks):
        raise Invalid("the verity target's table has an unknown form")
    return Verity(data, hashes, int(block), int(blocks), algorithm, root, "" if salt == "-" else salt)


def bad_block(values: dict[str, str]) -> BadBlock | None:
    """What a change event of a verity device complains of (drivers/md/dm-verity-target.c); None when of nothing."""
    kind, _, block = values.get(_VERITY_EVENT, "").partition(",")
    if not _NUMBER.fullmatch(kind) or not _NUMBER.fullmatch(block):
        return None
    return BadBlock(int(block), data=int(kind) == 0)
