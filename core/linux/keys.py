"""Keys of input devices (the kernel's Documentation/input/input.rst): which devices have a key, and whether it was
pressed, from the bytes such a device is read for."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

POWER: Final = 116  # KEY_POWER of linux/input-event-codes.h
SIZE: Final = 24  # of an event: seconds, microseconds, type, code, value
_EVENT: Final = struct.Struct("=qqHHi")
_KEY: Final = 1  # EV_KEY
_DOWN: Final = 1


def having(sys: Path, key: int) -> Iterator[str]:
    """Names below /dev/input of the devices that have the key."""
    for path in sorted((sys / "class/input").glob("event*/device/capabilities/key")):
        try:
            words = path.read_text().split()
        except OSError:
            continue  # the device left
        mask = 0
        for word in words:  # of 64 bits, the highest first
            mask = mask << 64 | int(word, 16)
        if mask >> key & 1:
            yield path.parents[2].name


def pressed(events: bytes, key: int) -> bool:
    """Whether one of the events is the key going down."""
    whole = events[: len(events) // SIZE * SIZE]
    return any((kind, code, value) == (_KEY, key, _DOWN) for _, _, kind, code, value in _EVENT.iter_unpack(whole))
