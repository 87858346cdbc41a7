"""Whether a file is an image that a key's owner made, to the last byte: footer, signature, hash tree, data. A wrong
block is named, with its files."""

import os
from collections.abc import Callable
from pathlib import Path

from core.base.errors import Denied, Invalid
from core.codec import blame, bundle
from core.pki import signing
from ext import verity


def verify(path: Path, public: bytes, progress: Callable[[int], object] | None = None) -> bundle.Footer:
    """The footer of a wholly intact image. Raises Invalid for what is no image or has a wrong block, Denied for one
    that another key signed. `progress` hears how many blocks of data are done, and may raise to end it."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        footer = read_footer(fd, public)
        tree = footer.hash_offset // bundle.BLOCK
        bad = verity.first_bad_block(fd, footer.data_blocks, tree, footer.salt, footer.root_hash, progress=progress)
        if bad is not None:
            what = f"block {bad} is not what was signed{blame.named(_owners(fd, bad, footer))}"
            raise Invalid(f"{path}: {what}", remedy="build or fetch the image again")
    finally:
        os.close(fd)
    return footer


def _owners(fd: int, block: int, footer: bundle.Footer) -> list[str]:
    """Whose the block is. That the tables cannot be read is told by the name of the bad one."""
    if block >= footer.data_blocks:
        return ["hash tree"]
    return blame.owners(lambda offset, size: os.pread(fd, size, offset), block, lambda _: None)


def read_footer(fd: int, public: bytes) -> bundle.Footer:
    """The footer of an open image, its signature checked, its data not."""
    superblock = os.pread(fd, bundle.SUPERBLOCK, 0)
    block = os.pread(fd, bundle.BLOCK, bundle.footer_offset(superblock))
    footer, signature = bundle.decode(block)
    if footer.data_size != bundle.data_size(superblock):
        raise Invalid("the image footer belongs to another squashfs")
    expected = signing.key_id(public)
    if footer.key_id != expected:
        raise Denied(f"the image is signed by key {footer.key_id.hex()[:16]}, expected {expected.hex()[:16]}")
    signing.verify(public, signature, block[: bundle.SIGNED])
    return footer
