"""Whether a file is an image that a key's owner made, to the last byte: footer, signature, hash tree, data."""

import os
from pathlib import Path

from core.base.errors import Denied, Invalid
from core.codec import bundle
from core.pki import signing
from ext import verity


def verify(path: Path, public: bytes) -> bundle.Footer:
    """The footer of a wholly intact image. Raises Invalid for what is no image or has a wrong block, Denied for one
    that another key signed."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        footer = read_footer(fd, public)
        bad = verity.first_bad_block(
            fd, footer.data_blocks, footer.hash_offset // bundle.BLOCK, footer.salt, footer.root_hash
        )
    finally:
        os.close(fd)
    if bad is not None:
        raise Invalid(f"{path}: block {bad} is not what was signed", remedy="build or fetch the image again")
    return footer


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
