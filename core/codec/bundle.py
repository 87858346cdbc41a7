"""The image file's frame: squashfs, hash tree, footer (docs/image.md). Where the footer stands follows from the
squashfs superblock, never from the size of the device; every offset is checked against the others before it is used.
Owns the bytes of footer and superblock; hashes and signs nothing."""

import struct
from dataclasses import dataclass
from typing import Final

from core.base.errors import Invalid
from core.codec import verity

BLOCK: Final = 4096
MAGIC: Final = b"ICHORIMG"
FORMAT: Final = 1
SIGNED: Final = 4032
SIGNATURE: Final = 64
SUPERBLOCK: Final = 96
VERSION: Final = 64
_FIELDS: Final = struct.Struct("<8sIIQQQQ32s32s32s32s64s")
_SQUASHFS: Final = struct.Struct("<4s36xQ")


@dataclass(frozen=True, slots=True)
class Footer:
    """All that the signature covers. Sizes and offsets in bytes, the build date in Unix seconds, hashes raw."""

    data_size: int
    hash_size: int
    build_date: int
    root_hash: bytes
    salt: bytes
    key_id: bytes
    files: bytes
    version: str

    @property
    def hash_offset(self) -> int:
        """The tree follows the data at once."""
        return self.data_size

    @property
    def offset(self) -> int:
        """Where the footer itself stands."""
        return self.data_size + self.hash_size

    @property
    def data_blocks(self) -> int:
        return self.data_size // BLOCK


def encode(footer: Footer) -> bytes:
    """The bytes to sign; `signed + signature` fills the footer's block."""
    version = footer.version.encode("ascii")
    if len(version) >= VERSION:
        raise Invalid(f"the version {footer.version!r} is longer than {VERSION - 1} bytes")
    fields = _FIELDS.pack(
        MAGIC,
        FORMAT,
        BLOCK,
        footer.data_size,
        footer.hash_offset,
        footer.hash_size,
        footer.build_date,
        footer.root_hash,
        footer.salt,
        footer.key_id,
        footer.files,
        version,
    )
    return fields.ljust(SIGNED, b"\0")


def append_signature(signed: bytes, signature: bytes) -> bytes:
    """The footer's block."""
    if len(signed) != SIGNED or len(signature) != SIGNATURE:
        raise Invalid("a footer is 4032 signed bytes and a signature of 64")
    return signed + signature


def decode(block: bytes) -> tuple[Footer, bytes]:
    """The footer and its signature, with every size and offset consistent. The signature is not checked here."""
    if len(block) != BLOCK or block[: len(MAGIC)] != MAGIC:
        raise Invalid("there is no image footer where the superblock says")
    _, version_number, size, data, hash_offset, hash_size, date, root, salt, key, files, version = _FIELDS.unpack_from(
        block
    )
    if version_number != FORMAT or size != BLOCK:
        raise Invalid(f"the image has format {version_number} with blocks of {size}, known is {FORMAT} with {BLOCK}")
    if (
        data % BLOCK
        or not data
        or data > 1 << 40
        or hash_offset != data
        or hash_size != verity.tree_size(data // BLOCK)
    ):
        raise Invalid("the sizes and offsets in the image footer contradict each other")
    name, _, rest = version.partition(b"\0")
    if any(rest) or any(block[_FIELDS.size : SIGNED]) or not name.isascii():
        raise Invalid("the image footer holds bytes where it must be zero")
    return Footer(data, hash_size, date, root, salt, key, files, name.decode("ascii")), block[SIGNED:]


def data_size(superblock: bytes) -> int:
    """Bytes of the squashfs, padded to whole blocks, from its superblock (the file's first 96 bytes)."""
    if len(superblock) < SUPERBLOCK or superblock[:4] != b"hsqs":
        raise Invalid("this is not an image: it does not start with a squashfs superblock")
    used: int = _SQUASHFS.unpack_from(superblock)[1]
    if not SUPERBLOCK <= used <= 1 << 40:
        raise Invalid(f"the squashfs superblock says {used} bytes")
    return (used + BLOCK - 1) // BLOCK * BLOCK


def footer_offset(superblock: bytes) -> int:
    """Where the footer stands, from the superblock alone."""
    size = data_size(superblock)
    return size + verity.tree_size(size // BLOCK)
