"""Sealed messages: as another implementation makes and opens them, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ext.seal import gcm
from tests.ext_seal import twin

keys = st.binary(min_size=32, max_size=32)
nonces = st.binary(min_size=12, max_size=12)


@given(keys, nonces, st.binary(max_size=5000), st.binary(max_size=100))
def test_both_ways_as_the_twin_has_it(key: bytes, nonce: bytes, message: bytes, extra: bytes) -> None:
    sealed = gcm.seal(key, nonce, message, extra)
    assert sealed == twin.seal(key, nonce, message, extra)
    assert gcm.unseal(key, nonce, sealed, extra) == twin.unseal(key, nonce, sealed, extra) == message


@given(keys, nonces, st.binary(max_size=200), st.binary(max_size=20))
def test_what_is_not_sealed_so_is_nothing(key: bytes, nonce: bytes, sealed: bytes, extra: bytes) -> None:
    assert gcm.unseal(key, nonce, sealed, extra) is None


def test_every_bit_counts() -> None:
    key, nonce, extra = bytes(range(32)), bytes(12), b"who"
    sealed = gcm.seal(key, nonce, b"what is said", extra)
    for bit in range(8 * len(sealed)):
        turned = bytearray(sealed)
        turned[bit // 8] ^= 1 << bit % 8
        assert gcm.unseal(key, nonce, bytes(turned), extra) is None
    assert gcm.unseal(key, nonce, sealed, b"who else") is None
    assert gcm.unseal(key, bytes(11) + b"\1", sealed, extra) is None


@pytest.mark.parametrize(("key", "nonce"), [(31, 12), (33, 12), (32, 11), (32, 13), (0, 0)])
def test_wrong_lengths_are_refused(key: int, nonce: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        gcm.seal(bytes(key), bytes(nonce), b"")
    with pytest.raises(ValueError, match="32 bytes"):
        gcm.unseal(bytes(key), bytes(nonce), bytes(16))
