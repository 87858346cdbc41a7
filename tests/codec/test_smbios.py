"""SMBIOS tables: a machine made by hand, QEMU's own in the slow tests, cuts anywhere, any bytes."""

import struct
import uuid

from hypothesis import given
from hypothesis import strategies as st

from core.codec import smbios

UUID = "01234567-89ab-cdef-0123-456789abcdef"


def _structure(kind: int, body: bytes, *strings: str) -> bytes:
    text = b"".join(s.encode() + b"\0" for s in strings) + b"\0"
    return bytes([kind, 4 + len(body), 0, 0]) + body + (text if strings else b"\0\0")


def _table() -> bytes:
    system = b"\1\2\3\4" + uuid.UUID(UUID).bytes_le + b"\6\5\0"
    cpu = bytearray(0x30 - 4)
    for offset, value in ((4, 1), (7, 2), (0x10, 3), (0x18, 0x41), (0x20, 4), (0x23, 0xFF), (0x24, 6), (0x25, 12)):
        cpu[offset - 4] = value
    struct.pack_into("<HH", cpu, 0x14 - 4, 4000, 3000)
    struct.pack_into("<H", cpu, 0x2A - 4, 300)
    small, large, empty = (bytearray(0x22 - 4) for _ in range(3))
    for body, size in ((small, 0x8000 | 2048), (large, 0x7FFF), (empty, 0)):
        struct.pack_into("<H", body, 0x0C - 4, size)
        body[0x10 - 4], body[0x17 - 4] = 1, 2
    struct.pack_into("<I", large, 0x1C - 4, 65536)
    struct.pack_into("<H", large, 0x15 - 4, 4800)
    return (
        _structure(0, b"\1\2\0\0\0", "Vendor", "1.2.3")
        + _structure(1, system, "Maker", "Box", "v1", "S123", "SKU")
        + _structure(4, bytes(cpu), "CPU 0", "Chips", "Model X", "C1")
        + b"".join(_structure(17, bytes(b), "DIMM 0", "RAM Co") for b in (small, large, empty))
        + _structure(127, b"")
        + b"garbage behind the end"
    )


def test_a_machine() -> None:
    found = smbios.decode(_table())
    assert found.system == smbios.System("Maker", "Box", "v1", "1.2.3", "S123", UUID, "Power Switch", "SKU")
    (cpu,) = found.processors
    assert (cpu.socket, cpu.manufacturer, cpu.version, cpu.serial) == ("CPU 0", "Chips", "Model X", "C1")
    assert (cpu.max_speed, cpu.current_speed, cpu.status) == (4000, 3000, 0x41)
    assert (cpu.cores, cpu.cores_enabled, cpu.threads) == (300, 6, 12)
    assert [m.size for m in found.memory] == [2, 65536, 0]
    assert (found.memory[1].speed, found.memory[1].device_locator, found.memory[1].manufacturer) == (
        4800,
        "DIMM 0",
        "RAM Co",
    )


def test_no_uuid_is_no_uuid() -> None:
    for raw in (bytes(16), b"\xff" * 16):
        table = _structure(1, b"\0\0\0\0" + raw + b"\0\0\0")
        assert smbios.decode(table).system.uuid == ""


@given(st.integers(0, 600))
def test_a_cut_table_gives_what_comes_before(cut: int) -> None:
    whole, part = smbios.decode(_table()), smbios.decode(_table()[:cut])
    assert part.memory == whole.memory[: len(part.memory)]
    assert part.processors in ((), whole.processors)


@given(st.binary(max_size=300))
def test_any_bytes_decode(data: bytes) -> None:
    smbios.decode(data)
    smbios.decode(_table()[:60] + data)
