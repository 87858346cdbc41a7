"""Device-mapper's answers as the kernel lays them out, and any bytes."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Invalid
from core.codec import dm

WORDS = "1 254:0 254:0 4096 4096 12345 12346 sha256 aabb 00ff 1 ignore_zero_blocks"


def _answer(*targets: tuple[int, int, str, str]) -> bytes:
    body = b""
    for start, sectors, kind, words in targets:
        text = words.encode() + b"\0"
        text += b"\0" * (-len(text) % 8)
        following = len(body) + 40 + len(text)
        body += struct.pack("=QQiI16s", start, sectors, 0, following, kind.encode()) + text
    head = bytearray(dm.request("root", 0)[:312])
    struct.pack_into("=II", head, 12, 312 + len(body), 312)
    struct.pack_into("=I", head, 20, len(targets))
    return bytes(head) + body


def test_targets_and_the_verity_table() -> None:
    (first, second) = dm.targets(_answer((0, 98760, "verity", WORDS), (98760, 8, "linear", "8:0 0")))
    assert (first.sectors, second.start, second.words) == (98760, 98760, ("8:0", "0"))
    table = dm.verity(first)
    assert (table.data_device, table.data_blocks, table.algorithm) == ("254:0", 12345, "sha256")
    assert (table.root_hash, table.salt) == ("aabb", "00ff")
    with pytest.raises(Invalid):
        dm.verity(second)


def test_a_name_that_does_not_fit_is_refused() -> None:
    for name in ("", "x" * 128):
        with pytest.raises(Invalid):
            dm.request(name, 0)


def test_complaints() -> None:
    assert dm.bad_block({"DM_VERITY_ERR_BLOCK_NR": "0,42"}) == dm.BadBlock(42, data=True)
    assert dm.bad_block({"DM_VERITY_ERR_BLOCK_NR": "1,7"}) == dm.BadBlock(7, data=False)
    for values in ({}, {"DM_VERITY_ERR_BLOCK_NR": "x,1"}, {"DM_VERITY_ERR_BLOCK_NR": "1"}):
        assert dm.bad_block(values) is None


@given(st.binary(max_size=400), st.integers(0, 2**32 - 1), st.integers(0, 400), st.integers(0, 5))
def test_any_answer_is_read_or_refused(noise: bytes, size: int, start: int, count: int) -> None:
    head = bytearray(312)
    struct.pack_into("=III", head, 12, size, start, count)
    with suppress(Invalid):
        for target in dm.targets(bytes(head) + noise):
            with suppress(Invalid):
                dm.verity(target)
