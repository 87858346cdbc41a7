"""What the kernel has said of an image's bad blocks. It names a block and never a file: `core.codec.squashfs` does."""

import os
import re
from pathlib import Path
from typing import Final

from core.codec.dm import BadBlock

_SAID: Final = re.compile(rb"device-mapper: verity: \S+ (data|metadata) block (\d+) is corrupted")
_RECORD: Final = 8192


def said(kmsg: Path) -> list[BadBlock]:
    """Every complaint of dm-verity that the kernel's log still holds, in order, each block once."""
    found: dict[BadBlock, None] = {}
    fd = os.open(kmsg, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        while record := _record(fd):
            if match := _SAID.search(record):
                found[BadBlock(int(match[2]), data=match[1] == b"data")] = None
    finally:
        os.close(fd)
    return list(found)


def _record(fd: int) -> bytes:
    """The next record; empty at the end. EPIPE says that some were overwritten: go on with the next."""
    while True:
        try:
            return os.read(fd, _RECORD)
        except BlockingIOError:
            return b""
        except BrokenPipeError:
            continue
