"""SMBIOS structures -> values (DMTF DSP0134 3.6): firmware, system, processors, memory slots. Reads the table as the
kernel shows it in /sys/firmware/dmi/tables/DMI; short structures of old versions leave fields empty. Never raises: a
table that is cut or damaged gives what comes before the damage."""

import uuid
from collections.abc import Iterator
from typing import Final

import msgspec

_END: Final = 127
WAKE_UPS: Final = (
    *("Reserved", "Other", "Unknown", "APM Timer", "Modem Ring", "LAN Remote", "Power Switch", "PCI PME#"),
    "AC Power Restored",
)


class System(msgspec.Struct, frozen=True):
    """The machine and its firmware."""

    manufacturer: str = ""
    product: str = ""
    version: str = ""
    bios_version: str = ""
    serial: str = ""
    uuid: str = ""
    wake_up: str = ""
    sku: str = ""


class Processor(msgspec.Struct, frozen=True):
    """A socket; speeds in MHz, `status` as the structure has it (bit 6: populated)."""

    socket: str
    manufacturer: str
    version: str
    max_speed: int
    current_speed: int
    status: int
    serial: str
    asset_tag: str
    part_number: str
    cores: int
    cores_enabled: int
    threads: int


class Memory(msgspec.Struct, frozen=True):
    """A slot; size in MiB (0: empty), speed in MT/s."""

    size: int
    device_locator: str
    bank_locator: str
    speed: int
    manufacturer: str
    serial: str
    asset_tag: str
    part_number: str


class Firmware(msgspec.Struct, frozen=True):
    """All that is taken from the table."""

    system: System = System()
    processors: tuple[Processor, ...] = ()
    memory: tuple[Memory, ...] = ()


class _Structure:
    """One structure: numbers by offset, 0 where it is too short, and its strings."""

    def __init__(self, data: bytes, strings: list[str]) -> None:
        self._data, self._strings = data, strings
        self.kind = data[0]

    def number(self, offset: int, size: int) -> int:
        return int.from_bytes(self._data[offset : offset + size].ljust(size, b"\0"), "little")

    def raw(self, offset: int, size: int) -> bytes:
        return self._data[offset : offset + size]

    def text(self, offset: int) -> str:
        index = self.number(offset, 1)
        return self._strings[index - 1] if 0 < index <= len(self._strings) else ""


def decode(table: bytes) -> Firmware:
    """What the table says."""
    system, bios_version = System(), ""
    processors: list[Processor] = []
    memory: list[Memory] = []
    for s in _structures(table):
        match s.kind:
            case 0:
                bios_version = s.text(5)
            case 1:
                system = _system(s)
            case 4:
                processors.append(_processor(s))
            case 17:
                memory.append(_memory(s))
    named = System(
        *(system.manufacturer, system.product, system.version, bios_version),
        *(system.serial, system.uuid, system.wake_up, system.sku),
    )
    return Firmware(named, tuple(processors), tuple(memory))


def _structures(table: bytes) -> Iterator[_Structure]:
    offset = 0
    while offset + 4 <= len(table):
        kind, length = table[offset], table[offset + 1]
        end = offset + length
        if length < 4 or end > len(table) or kind == _END:
            return
        # strings end with an empty one; a structure without any has two zeros all the same
        stop = table.find(b"\0\0", end)
        if stop < 0:
            return
        strings = [part.decode("utf-8", "replace").strip() for part in table[end:stop].split(b"\0")]
        yield _Structure(table[offset:end], strings if stop > end else [])
        offset = stop + 2


def _system(s: _Structure) -> System:
    wake_up = s.number(0x18, 1)
    return System(
        *(s.text(4), s.text(5), s.text(6), "", s.text(7), _uuid(s.raw(8, 16))),
        *(WAKE_UPS[wake_up] if wake_up < len(WAKE_UPS) else "", s.text(0x19)),
    )


def _uuid(raw: bytes) -> str:
    """The first three fields are little-endian since SMBIOS 2.6; all zeros and all ones mean that there is none."""
    if len(raw) != 16 or raw in (bytes(16), b"\xff" * 16):
        return ""
    return str(uuid.UUID(bytes_le=raw))


def _processor(s: _Structure) -> Processor:
    def count(small: int, large: int) -> int:
        # 255 says: more than fits, look at the 16-bit field
        value = s.number(small, 1)
        return s.number(large, 2) if value == 0xFF else value

    return Processor(
        *(s.text(0x04), s.text(0x07), s.text(0x10), s.number(0x14, 2), s.number(0x16, 2), s.number(0x18, 1)),
        *(s.text(0x20), s.text(0x21), s.text(0x22)),
        *(count(0x23, 0x2A), count(0x24, 0x2C), count(0x25, 0x2E)),
    )


def _memory(s: _Structure) -> Memory:
    speed = s.number(0x15, 2)
    return Memory(
        *(_memory_size(s), s.text(0x10), s.text(0x11), s.number(0x54, 4) if speed == 0xFFFF else speed),
        *(s.text(0x17), s.text(0x18), s.text(0x19), s.text(0x1A)),
    )


def _memory_size(s: _Structure) -> int:
    size = s.number(0x0C, 2)
    match size:
        case 0xFFFF:
            return 0
        case 0x7FFF:
            return s.number(0x1C, 4) & 0x7FFFFFFF
    # bit 15: the unit is KiB
    return (size & 0x7FFF) // 1024 if size & 0x8000 else size
