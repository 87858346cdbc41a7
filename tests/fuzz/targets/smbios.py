"""The firmware's table: what is broken gives less, and never an error."""

import struct
from collections.abc import Iterator

from core.codec import smbios
from tests.fuzz.target import Target


def check(data: bytes) -> None:
    firmware = smbios.decode(data)
    assert len(firmware.processors) + len(firmware.memory) <= len(data) // 6
    assert all(slot.size >= 0 for slot in firmware.memory)


def _structure(kind: int, body: bytes, *strings: bytes) -> bytes:
    return struct.pack("<BBH", kind, 4 + len(body), kind) + body + b"\0".join(strings) + b"\0\0"


def seeds() -> Iterator[bytes]:
    bios = _structure(0, b"\1\2\0\xe8\3\0" + bytes(14), b"SeaBIOS", b"1.16.2", b"04/01/2014")
    system = _structure(1, b"\1\2\3\0" + bytes(range(16)) + b"\6\0\0", b"QEMU", b"Standard PC", b"pc-q35-7.2")
    processor = _structure(
        4, b"\1\3\1\2" + bytes(8) + b"\3\0\xd0\7\xd0\7\x41\1" + b"\xff" * 24, b"CPU 0", b"QEMU", b"v"
    )
    memory = _structure(
        17, bytes(8) + b"\xff\x7f\7\0\1\2\7\0\0\0\0\3\4\5\6\1\0\0\x10\0\0" + bytes(60), b"DIMM 0", b"B", b"Q"
    )
    yield bios + system + processor + memory + _structure(127, b"")
    yield memory[:30] + b"\0\0" + system
    yield processor * 3


TARGET = Target(check, seeds, runs=12_000)
