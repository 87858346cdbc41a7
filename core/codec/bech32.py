"""Bech32 (BIP 173): bytes as text with a checksum that notices four wrong letters. Decoding only, of any length."""

from collections.abc import Iterable, Iterator
from typing import Final

from core.base.errors import Invalid

_LETTERS: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM: Final = 6  # letters


def decode(text: str) -> tuple[str, bytes]:
    """(what stands before the last 1, the bytes). Raises Invalid."""
    if not text.isascii() or text not in (text.lower(), text.upper()):
        raise Invalid("its letters are mixed")
    prefix, _, rest = text.lower().rpartition("1")
    if not prefix or len(rest) < _CHECKSUM or any(letter not in _LETTERS for letter in rest):
        raise Invalid("it is not of the letters that it should be")
    values = [_LETTERS.index(letter) for letter in rest]
    if _checksum((*_expanded(prefix), *values)) != 1:
        raise Invalid("a letter of it is wrong")
    return prefix, _bytes(values[:-_CHECKSUM])


def _expanded(prefix: str) -> Iterator[int]:
    yield from (ord(letter) >> 5 for letter in prefix)
    yield 0
    yield from (ord(letter) & 31 for letter in prefix)


def _checksum(values: Iterable[int]) -> int:
    sum_ = 1
    for value in values:
        top = sum_ >> 25
        sum_ = (sum_ & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            sum_ ^= generator if top >> bit & 1 else 0
    return sum_


def _bytes(values: list[int]) -> bytes:
    """Of five bits each to eight; what is left over is less than a letter, and zeros."""
    bits = "".join(f"{value:05b}" for value in values)
    whole = len(bits) // 8 * 8
    if len(bits) - whole > 4 or "1" in bits[whole:]:
        raise Invalid("it ends within a byte")
    return int(bits[:whole] or "0", 2).to_bytes(whole // 8, "big")
