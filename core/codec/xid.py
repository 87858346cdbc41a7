"""Event ids: 12 bytes, time first, as 20 characters whose order is that of the bytes.

time (4, Unix seconds, big-endian) | source (5, the same for all ids of a boot) | counter (3, big-endian)."""

import struct
from dataclasses import dataclass
from typing import Final, Self

from core.base.errors import Invalid

LENGTH: Final = 20
_ALPHABET: Final = "0123456789abcdefghijklmnopqrstuv"  # base32hex (RFC 4648 section 7) in lower case
_VALUES: Final = {character: value for value, character in enumerate(_ALPHABET)}
_COUNTER: Final = 1 << 24
_HEAD: Final = struct.Struct(">I5s")


@dataclass(frozen=True, slots=True, order=True)
class Xid:
    """An id; `seconds` is when."""

    seconds: int
    source: bytes
    counter: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises Invalid."""
        if len(text) != LENGTH or not set(text) <= _VALUES.keys():
            raise Invalid(f"{text!r} is no event id")
        number = 0
        for character in text:
            number = number << 5 | _VALUES[character]
        # 20 characters are 100 bits: the last 4 are padding
        if number & 0xF:
            raise Invalid(f"{text!r} is no event id")
        raw = (number >> 4).to_bytes(12, "big")
        seconds, source = _HEAD.unpack_from(raw)
        return cls(seconds, source, int.from_bytes(raw[9:], "big"))

    def __str__(self) -> str:
        raw = _HEAD.pack(self.seconds, self.source) + self.counter.to_bytes(3, "big")
        number = int.from_bytes(raw, "big") << 4
        return "".join(_ALPHABET[number >> shift & 31] for shift in range(95, -1, -5))

    def following(self, now: float) -> Self:
        """The next id at time `now`: greater than this one, even when the clock went back."""
        seconds, counter = max(int(now), self.seconds), self.counter + 1
        if counter == _COUNTER:
            seconds, counter = max(seconds, self.seconds + 1), 0
        return type(self)(seconds, self.source, counter)
