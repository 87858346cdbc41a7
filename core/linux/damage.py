"""What the kernel has said of an image's bad blocks. It names a block and never a file: `core.codec.squashfs` does."""

import re
from pathlib import Path
from typing import Final

from core.codec.dm import BadBlock
from core.linux import kmsg

_SAID: Final = re.compile(rb"device-mapper: verity: \S+ (data|metadata) block (\d+) is corrupted")


def said(device: Path) -> list[BadBlock]:
    """Every complaint of dm-verity that the kernel's log still holds, in order, each block once."""
    found: dict[BadBlock, None] = {}
    for record in kmsg.records(device):
        for kind, block in _SAID.findall(record):
            found[BadBlock(int(block), data=kind == b"data")] = None
    return list(found)
