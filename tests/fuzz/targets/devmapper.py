"""Device-mapper's answer to a question about its tables."""

import struct
from collections.abc import Iterator

from core.base.errors import Invalid
from core.codec import dm
from tests.fuzz.target import Target, attempt


def check(data: bytes) -> None:
    for target in attempt(Invalid, dm.targets, data) or []:
        table = attempt(Invalid, dm.verity, target)
        assert table is None or (table.data_blocks >= 0 and table.data_block_size >= 0)


def seeds() -> Iterator[bytes]:
    head = dm.request("image", 0)[:312]
    words = b"1 /dev/vda /dev/vda 4096 4096 30000 30000 sha256 " + b"ab" * 32 + b" -"
    for count, text in ((0, b""), (1, words), (2, b"0 1"), (1, b"V")):
        row = struct.pack("=QQiI16s", 0, 240_000, 0, 40 + len(text) + 8, b"verity") + text.ljust(len(text) + 8, b"\0")
        yield head[:12] + struct.pack("=III", 4096, 312, count) + head[24:] + row * count


TARGET = Target(check, seeds, runs=40_000)
