"""Values that outlive machined: each in a memfd that init holds by name. Owns the two-slot format that makes a save
atomic; refuses values over a slot's bytes. A process killed in the middle of `save` leaves the value before."""

import os
import struct
import zlib
from typing import Final, Generic, TypeVar

import msgspec

from core.base.errors import Exhausted
from core.linux.init import FdTable

T = TypeVar("T")
SLOT: Final = 1 << 20
_HEAD: Final = struct.Struct("<QII")  # generation, payload bytes, CRC-32 of generation and payload


class Survivor(Generic[T]):
    """One value of type `kind` (anything msgspec encodes) under a name. A new one has slots of `slot` bytes, which take
    memory as they are written."""

    def __init__(self, table: FdTable, name: str, kind: type[T], slot: int = SLOT) -> None:
        held = table.get(name)
        if held is None:
            held = os.memfd_create(f"ichor-{name}", os.MFD_CLOEXEC)
            os.ftruncate(held, 2 * slot)
            table.put(name, held)
        self._fd = held
        self._size = os.fstat(held).st_size // 2
        self._kind = kind
        self._generation, self._payload = max(self._slot(0), self._slot(1), key=lambda slot: slot[0])

    def load(self) -> T | None:
        """The value saved last, by this process or one before; None if there never was one."""
        return msgspec.msgpack.decode(self._payload, type=self._kind) if self._generation else None

    def save(self, value: T) -> None:
        """Replace the value. Raises Exhausted if it encodes to more than fits."""
        payload = msgspec.msgpack.encode(value)
        if len(payload) > self._size - _HEAD.size:
            raise Exhausted(f"{len(payload)} bytes do not fit a survivor's {self._size - _HEAD.size}")
        generation = self._generation + 1
        head = _HEAD.pack(generation, len(payload), _checksum(generation, payload))
        os.pwrite(self._fd, head + payload, (generation % 2) * self._size)
        self._generation, self._payload = generation, payload

    def close(self) -> None:
        """Give the descriptor back; the value stays with init."""
        os.close(self._fd)

    def _slot(self, index: int) -> tuple[int, bytes]:
        generation, length, checksum = _HEAD.unpack(os.pread(self._fd, _HEAD.size, index * self._size))
        if generation == 0 or length > self._size - _HEAD.size:
            return 0, b""
        payload = os.pread(self._fd, length, index * self._size + _HEAD.size)
        return (generation, payload) if _checksum(generation, payload) == checksum else (0, b"")


def _checksum(generation: int, payload: bytes) -> int:
    return zlib.crc32(payload, generation & 0xFFFFFFFF)
