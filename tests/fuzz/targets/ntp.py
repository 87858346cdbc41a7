"""A time server's answer."""

import math
import struct
from collections.abc import Iterator

from core.base.errors import Denied, Invalid
from core.codec import ntp
from tests.fuzz.target import Target, attempt

_NONCE = b"\x01\x02\x03\x04\x05\x06\x07\x08"
_SENT = 1_700_000_000.0
_ERA = 2**32


def check(data: bytes) -> None:
    answer = data[:24] + _NONCE + data[32:] if len(data) % 2 == 0 else data
    sample = attempt((Invalid, Denied), ntp.sample, answer, _NONCE, _SENT, _SENT + 0.25)
    if sample is not None:
        assert math.isfinite(sample.offset) and abs(sample.offset) <= _ERA
        assert sample.delay >= 0 and 1 <= sample.stratum <= 15 and sample.leap in (0, 1, 2)
        assert len(sample.reference) == 4


def seeds() -> Iterator[bytes]:
    moment = struct.pack("!II", 3_908_988_800, 1 << 31)
    for first, stratum, reference in (
        (0x24, 2, b"\x0a\0\0\1"),
        (0xE4, 0, b"RATE"),
        (0x1C, 1, b"GPS\0"),
        (0x64, 15, b"\xff" * 4),
    ):
        yield struct.pack("!BBbbII", first, stratum, 6, -20, 99, 1000) + reference + moment + _NONCE + moment * 2


TARGET = Target(check, seeds, runs=50_000, minutes=5)
