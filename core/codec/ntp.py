"""NTP client packets (RFC 5905, as SNTP of RFC 4330 uses them): bytes <-> values, and the sums of one exchange.
Owns no clock and no socket. Refuses replies that do not answer the question asked, that come from a server without
time, or that are kisses of death."""

import struct
from typing import Final

import msgspec

from core.base.errors import Denied, Invalid

SIZE: Final = 48
PORT: Final = 123
_PACKET = struct.Struct("!BBbbIII8s8s8s8s")
_EPOCH: Final = 2_208_988_800  # 1900 to 1970
_ERA: Final = 2**32
_CLIENT, _SERVER = 3, 4
_VERSION = 4
_UNSYNCHRONISED = 3
_ROOT_LIMIT = 16 << 16  # root delay and dispersion beyond which a server does not know the time either (MAXDISP)


class Sample(msgspec.Struct, frozen=True):
    """One exchange: add `offset` to our clock; the answer took `delay` seconds of network. `leap` is 0, 1 or 2 (a
    minute of 61 or 59 s ends the month)."""

    offset: float
    delay: float
    stratum: int
    leap: int
    poll: int
    reference: bytes


def request(nonce: bytes) -> bytes:
    """A question. The eight bytes that the answer must repeat are random, not our time: that gives nothing away, and a
    forger cannot guess them."""
    if len(nonce) != 8:
        raise ValueError("a nonce has eight bytes")
    return _PACKET.pack(_VERSION << 3 | _CLIENT, 0, 0, 0, 0, 0, 0, bytes(8), bytes(8), bytes(8), nonce)


def sample(data: bytes, nonce: bytes, sent: float, arrived: float) -> Sample:
    """Judge and measure the answer to `request(nonce)`, sent and arrived at those wall-clock times. Raises Invalid, or
    Denied when the server asks not to be asked."""
    if len(data) < SIZE:
        raise Invalid("an NTP packet of less than 48 bytes")
    first, stratum, poll, _, delay, dispersion, reference, _, origin, received, transmitted = _PACKET.unpack_from(data)
    leap, version, mode = first >> 6, first >> 3 & 7, first & 7
    if mode != _SERVER or version not in (3, 4):
        raise Invalid("not an NTP server's answer")
    if origin != nonce:
        raise Invalid("an NTP answer to a question that was not asked")
    if stratum == 0:
        code = struct.pack("!I", reference).rstrip(b"\0").decode("ascii", "backslashreplace")
        raise Denied(f"the NTP server wants no questions ({code if code.isprintable() else ascii(code)})")
    if leap == _UNSYNCHRONISED or stratum > 15 or delay > _ROOT_LIMIT or dispersion > _ROOT_LIMIT:
        raise Invalid("the NTP server does not know the time")
    if transmitted == bytes(8):
        raise Invalid("an NTP answer without a time")
    there, back = seconds(received, near=sent), seconds(transmitted, near=sent)
    return Sample(
        offset=((there - sent) + (back - arrived)) / 2,
        delay=max(0.0, (arrived - sent) - (back - there)),
        stratum=stratum,
        leap=leap,
        poll=poll,
        reference=struct.pack("!I", reference),
    )


def seconds(raw: bytes, *, near: float) -> float:
    """Unix seconds of an NTP timestamp, in the era whose moment is closest to `near` (the next one begins in 2036)."""
    whole, rest = struct.unpack("!II", raw)
    moment: float = whole + rest / _ERA - _EPOCH
    return moment + round((near - moment) / _ERA) * _ERA
