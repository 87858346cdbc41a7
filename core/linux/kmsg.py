"""The kernel's log as it stands: every record it still holds, without waiting for more."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_RECORD: Final = 8192


def records(device: Path) -> Iterator[bytes]:
    """In order, as read from the device. Raises OSError where there is none."""
    fd = os.open(device, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        while record := _next(fd):
            yield record
    finally:
        os.close(fd)


def _next(fd: int) -> bytes:
    """Empty at the end. EPIPE says that some were overwritten: go on with the next."""
    while True:
        try:
            return os.read(fd, _RECORD)
        except BlockingIOError:
            return b""
        except BrokenPipeError:
            continue
