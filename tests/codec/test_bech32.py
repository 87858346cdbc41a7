"""Bech32 against the vectors of BIP 173 and a slow twin that encodes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Invalid
from core.codec import bech32

LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def checksum(prefix: str, values: list[int]) -> list[int]:
    """As BIP 173 writes it down."""
    whole = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix] + values + [0] * 6
    total = 1
    for value in whole:
        top = total >> 25
        total = (total & 0x1FFFFFF) << 5 ^ value
        for bit, part in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            total ^= part * (top >> bit & 1)
    return [(total ^ 1) >> 5 * (5 - place) & 31 for place in range(6)]


def encode(prefix: str, data: bytes) -> str:
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    values = [int(bits[at : at + 5], 2) for at in range(0, len(bits), 5)]
    return f"{prefix}1" + "".join(LETTERS[value] for value in values + checksum(prefix, values))


@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20), st.binary(max_size=64))
def test_what_the_twin_wrote_is_read(prefix: str, data: bytes) -> None:
    assert bech32.decode(encode(prefix, data)) == (prefix, data)
    assert bech32.decode(encode(prefix, data).upper()) == (prefix, data)


@given(st.binary(min_size=1, max_size=64), st.data())
def test_a_wrong_letter_is_noticed(data: bytes, draw: st.DataObject) -> None:
    text = encode("age", data)
    at = draw.draw(st.integers(4, len(text) - 1))
    other = draw.draw(st.sampled_from([letter for letter in LETTERS if letter != text[at]]))
    with pytest.raises(Invalid):
        bech32.decode(text[:at] + other + text[at + 1 :])


@pytest.mark.parametrize("text", ["A12UEL5L", "a12uel5l", "?1ezyfcl"])
def test_vectors_without_data(text: str) -> None:
    assert bech32.decode(text) == (text.lower()[0], b"")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "age1",
        "pzry9x0s0muk",
        "1pzry9x0s0muk",
        "x1b4n0q5v",
        "li1dgmt3",
        "A1G7SGD8",
        "10a06t8",
        "1qzzfhe",
        "Age1",
    ],
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(Invalid):
        bech32.decode(text)
