"""The image's frame: every field survives, every contradiction is refused, and the offsets need no device size."""

import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Invalid
from core.codec import bundle, verity

HASH = st.binary(min_size=32, max_size=32)
FOOTERS = st.builds(
    lambda blocks, *rest: bundle.Footer(blocks * 4096, verity.tree_size(blocks), *rest),
    st.integers(2, 1 << 28),
    st.integers(0, (1 << 64) - 1),
    HASH,
    HASH,
    HASH,
    HASH,
    st.text("abcv0123456789.-", max_size=63),
)


def _block(footer: bundle.Footer) -> bytes:
    return bundle.append_signature(bundle.encode(footer), bytes(range(64)))


@given(FOOTERS)
def test_a_footer_survives(footer: bundle.Footer) -> None:
    block = _block(footer)
    assert len(block) == bundle.BLOCK
    assert bundle.decode(block) == (footer, bytes(range(64)))


@given(FOOTERS, st.integers(0, 47), st.integers(1, 255))
def test_a_changed_size_or_offset_is_refused(footer: bundle.Footer, at: int, change: int) -> None:
    block = bytearray(_block(footer))
    block[at] ^= change
    if at < 40:
        with pytest.raises(Invalid):
            bundle.decode(bytes(block))


@given(st.binary(max_size=5000))
def test_noise_is_refused(noise: bytes) -> None:
    for data in (noise, bundle.MAGIC + noise[:4088].ljust(4088, b"\1")):
        with pytest.raises(Invalid):
            bundle.decode(data)


def test_bytes_where_zeros_belong_are_refused() -> None:
    footer = bundle.Footer(8192, 4096, 1, bytes(32), bytes(32), bytes(32), bytes(32), "v1")
    for at in (200 + 60, 1000, 4031):
        block = bytearray(_block(footer))
        block[at] = 1
        with pytest.raises(Invalid):
            bundle.decode(bytes(block))
    with pytest.raises(Invalid, match="longer"):
        bundle.encode(replace(footer, version="v" * 64))
    with pytest.raises(Invalid):
        bundle.append_signature(b"", b"")


@pytest.mark.parametrize(
    ("used", "offset"), [(4097, 8192 + 4096), (8192, 8192 + 4096), (129 * 4096, 129 * 4096 + 3 * 4096)]
)
def test_the_superblock_says_where_the_footer_is(used: int, offset: int) -> None:
    superblock = b"hsqs" + bytes(36) + struct.pack("<Q", used) + bytes(48)
    assert bundle.footer_offset(superblock) == offset


@pytest.mark.parametrize("superblock", [b"", b"hsqs", bytes(96), b"hsqs" + b"\xff" * 92, b"hsqs" + bytes(92)])
def test_a_wrong_superblock_is_refused(superblock: bytes) -> None:
    with pytest.raises(Invalid):
        bundle.footer_offset(superblock)


def test_the_kernel_reads_this_table() -> None:
    assert verity.table("/dev/vda", 3, b"\1" * 32, b"\2") == (
        "1 /dev/vda /dev/vda 4096 4096 3 3 sha256 " + "01" * 32 + " 02"
    )
    assert verity.levels(16385) == [129, 2, 1]
