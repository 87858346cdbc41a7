"""Tar archives. When the first byte is odd, the checksums of all headers are mended before anybody looks."""

from collections.abc import Iterator

from core.base.errors import Invalid
from core.codec import tar
from core.codec.member import Member
from tests.fuzz.target import Target, attempt
from tests.fuzz.targets.cpio import members


def check(data: bytes) -> None:
    archive = _mended(data[1:]) if data[:1] and data[0] & 1 else data[1:]
    found = attempt(Invalid, lambda: list(tar.unpack(archive)))
    if found is not None:
        packed = attempt(Invalid, tar.pack, found)
        if packed is not None:
            assert list(tar.unpack(packed)) == found


def _mended(archive: bytes) -> bytes:
    """Every block that could be a header with a checksum that fits it."""
    data = bytearray(archive)
    for at in range(0, len(data) - tar.BLOCK + 1, tar.BLOCK):
        if data[at + 257 : at + 262] == b"ustar":
            data[at + 148 : at + 156] = b" " * 8
            data[at + 148 : at + 156] = b"%06o\0 " % sum(data[at : at + tar.BLOCK])
    return bytes(data)


def seeds() -> Iterator[bytes]:
    for flag in (b"\0", b"\1"):
        yield flag + tar.pack(members())
        yield flag + tar.pack([Member.file("long/" * 30, b"1234"), Member.link("l", "to/" * 50)])


TARGET = Target(check, seeds, runs=20_000, largest=8192, minutes=5)
