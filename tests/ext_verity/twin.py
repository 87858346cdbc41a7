"""The slow, obvious twin of ext.verity."""

import hashlib

from core.codec import verity


def tree_of(data: bytes, salt: bytes) -> tuple[bytes, bytes]:
    """Root hash and tree over whole blocks."""
    tree, level = b"", data
    while len(level) > verity.BLOCK:
        blocks = (level[i : i + verity.BLOCK] for i in range(0, len(level), verity.BLOCK))
        level = b"".join(hashlib.sha256(salt + block).digest() for block in blocks)
        level += bytes(-len(level) % verity.BLOCK)
        tree = level + tree
    return hashlib.sha256(salt + level).digest(), tree
