"""The META partition. Input: flags (1, 2: the first, the second copy's checksum is mended), 512 bytes for the
partition's end, the records of both copies."""

import hashlib
import struct
from collections.abc import Iterator

from core.base.errors import Exhausted
from core.codec import meta
from tests.fuzz.target import Target, attempt

_HEAD, _FOOT = b"\x5a\x4b\x3c\x2d", b"\xa5\xb4\xc3\xd2"


def check(data: bytes) -> None:
    flags, end, records = data[:1], data[1:513], data[513:]
    body = (_HEAD + records).ljust(meta.COPY_SIZE - 36, b"\0")[: meta.COPY_SIZE - 36]
    digest = hashlib.sha256(body + bytes(32) + _FOOT).digest()
    copies = b"".join(body + (digest if flags and flags[0] & bit else bytes(32)) + _FOOT for bit in (1, 2))
    partition = copies.ljust(meta.PARTITION_SIZE - len(end), b"\0") + end
    values = meta.decode(partition)
    if len(data) % 7 == 0:
        meta.decode(data)  # of any size
    block = attempt(Exhausted, meta.encode, values)
    if block is not None:
        assert meta.decode(block) == values
        assert meta.intact(block + block)


def seeds() -> Iterator[bytes]:
    for flags, values in ((1, {6: b"config", 10: b""}), (2, {1: b"x" * 300}), (3, {})):
        records = meta.encode(values)[4:-36].rstrip(b"\0") + bytes(8)
        yield bytes([flags]) + bytes(512) + records
    words = struct.unpack("<125I", b"\6\3abc\7\0".ljust(500, b"\0"))
    rest = (0xA3041767 - sum(words)) & 0xFFFFFFFF
    yield b"\0" + struct.pack("<128I", 0x5A2D2FA5, rest, *words, 0xDD28BF64)


TARGET = Target(check, seeds, runs=300, minutes=5)
