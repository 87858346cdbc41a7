"""The shape of a dm-verity hash tree, format 1, SHA-256, 4 KiB blocks (Documentation/admin-guide/device-mapper/
verity.rst): which levels there are and where, and the kernel's table line. Hashing is ext.verity's."""

from typing import Final

from core.base.errors import Invalid

BLOCK: Final = 4096
DIGEST: Final = 32
PER_BLOCK: Final = BLOCK // DIGEST


def levels(data_blocks: int) -> list[int]:
    """Blocks of each level, from the leaves' hashes up to the single top block. Raises Invalid below two blocks."""
    if data_blocks < 2:
        raise Invalid(f"a hash tree stands over at least two blocks, not {data_blocks}")
    sizes = [-(-data_blocks // PER_BLOCK)]
    while sizes[-1] > 1:
        sizes.append(-(-sizes[-1] // PER_BLOCK))
    return sizes


def tree_size(data_blocks: int) -> int:
    """Bytes of the tree over `data_blocks` blocks. The top block comes first on disk, the leaves' hashes last."""
    return sum(levels(data_blocks)) * BLOCK


def table(device: str, data_blocks: int, root_hash: bytes, salt: bytes) -> str:
    """The dm-verity target's parameters for a device that holds the data and, right behind it, its tree."""
    return f"1 {device} {device} {BLOCK} {BLOCK} {data_blocks} {data_blocks} sha256 {root_hash.hex()} {salt.hex()}"
