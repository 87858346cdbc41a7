"""META's bytes: roundtrip, a write torn anywhere, the syslinux fallback, any bytes."""

import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Exhausted, Invalid
from core.codec import meta

VALUES = st.dictionaries(st.integers(1, 255), st.binary(max_size=300), max_size=8)


def _partition(first: bytes, second: bytes, end: bytes = b"") -> bytes:
    return (first + second).ljust(meta.PARTITION_SIZE - len(end), b"\0") + end


def _syslinux(records: bytes) -> bytes:
    """As syslinux's own writer does it: the words and the checksum add up to the second magic."""
    data = records.ljust(500, b"\0")
    checksum = (0xA3041767 - sum(struct.unpack("<125I", data))) & 0xFFFFFFFF
    return struct.pack("<II", 0x5A2D2FA5, checksum) + data + struct.pack("<I", 0xDD28BF64)


@given(VALUES)
def test_roundtrip(values: dict[int, bytes]) -> None:
    copy = meta.encode(values)
    assert len(copy) == meta.COPY_SIZE
    assert meta.decode(_partition(copy, copy)) == values
    assert meta.intact(_partition(copy, copy))


def test_layout_is_the_published_one() -> None:
    copy = meta.encode({0x0A: b"net", 0x06: b"A"})
    assert copy[:14] == bytes.fromhex("5a4b3c2d 00000006 00000001 41 00".replace(" ", ""))
    assert copy[-4:].hex() == "a5b4c3d2"
    assert copy[-36:-4] == hashlib.sha256(copy[:-36] + bytes(32) + copy[-4:]).digest()


@given(VALUES, VALUES, st.integers(0, 2 * meta.COPY_SIZE))
def test_a_torn_write_is_the_old_or_the_new(old: dict[int, bytes], new: dict[int, bytes], cut: int) -> None:
    before, after = meta.encode(old) * 2, meta.encode(new) * 2
    torn = _partition(after[:cut] + before[cut:], b"")
    assert meta.decode(torn) in (old, new)
    assert meta.intact(torn) or torn[: meta.COPY_SIZE] != torn[meta.COPY_SIZE : 2 * meta.COPY_SIZE]


def test_syslinux_blocks_are_read_when_nothing_else_is_there() -> None:
    good = _syslinux(b"\x0c\x03abc\x0e\x01x")
    bad = good[:20] + b"!" + good[21:]
    for end in (good + good, bad + good, good + bad):
        assert meta.decode(_partition(b"", b"", end)) == {0x0C: b"abc", 0x0E: b"x"}
    copy = meta.encode({6: b"B"})
    assert meta.decode(_partition(copy, copy, good + good)) == {6: b"B"}
    assert meta.decode(_partition(b"", b"", bad + bad)) == {}


def test_what_does_not_fit_is_refused() -> None:
    assert len(meta.encode({1: bytes(meta.CAPACITY - 8)})) == meta.COPY_SIZE
    with pytest.raises(Exhausted, match="262104 bytes"):
        meta.encode({1: bytes(meta.CAPACITY - 7)})
    with pytest.raises(Invalid):
        meta.encode({0: b""})


@given(st.binary(max_size=2000))
def test_any_bytes_decode(data: bytes) -> None:
    body = (b"\x5a\x4b\x3c\x2d" + data).ljust(meta.COPY_SIZE - 36, b"\0")
    sealed = body + hashlib.sha256(body + bytes(32) + b"\xa5\xb4\xc3\xd2").digest() + b"\xa5\xb4\xc3\xd2"
    for partition in (data, _partition(sealed, b""), _partition(b"", b"", _syslinux(data[:500]))):
        assert all(isinstance(v, bytes) for v in meta.decode(partition).values())
