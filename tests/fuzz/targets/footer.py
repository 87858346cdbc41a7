"""The image file's superblock and footer, as core.codec.bundle reads them and as init does: whoever boots an image must
see the same one that verified it."""

import ctypes
import struct
from collections.abc import Iterator
from functools import cache

from core.base.errors import Invalid
from core.codec import bundle, verity
from tests.fuzz.engine import shared_object
from tests.fuzz.target import Target, attempt


class _Image(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_uint64) for name in ("data_size", "hash_offset", "hash_size", "build_date")),
        *((name, ctypes.c_void_p) for name in ("root_hash", "salt", "key_id", "signature")),
    )


@cache
def _init() -> ctypes.CDLL:
    library = ctypes.CDLL(str(shared_object("tests/fuzz/init.c")))
    library.fuzz_image.restype = ctypes.c_uint64
    return library


def check(data: bytes) -> None:
    superblock, block = data[:96].ljust(96, b"\0"), data[96:].ljust(bundle.BLOCK, b"\0")[: bundle.BLOCK]
    image, taken, held = _Image(), ctypes.c_int(), ctypes.create_string_buffer(block, len(block))
    place = _init().fuzz_image(superblock, held, ctypes.byref(image), ctypes.byref(taken))
    ours = attempt(Invalid, bundle.footer_offset, superblock)
    found = attempt(Invalid, bundle.decode, block)
    known = superblock[28:30] == b"\4\0"
    assert place == (ours or 0) if known else not place
    if found is None:
        return
    footer, signature = found
    assert bundle.append_signature(bundle.encode(footer), signature) == block
    if known and ours is not None:
        assert taken.value == (footer.data_size == bundle.data_size(superblock)), "init takes another footer"
    if taken.value:
        mine = (footer.data_size, footer.hash_offset, footer.hash_size, footer.build_date, footer.root_hash)
        assert mine == (
            *(image.data_size, image.hash_offset, image.hash_size, image.build_date),
            ctypes.string_at(image.root_hash, 32),
        )


def seeds() -> Iterator[bytes]:
    for blocks, version in ((2, ""), (129, "0.1.0"), (20_000, "1.2.3-alpha.4+" + "x" * 49)):
        size = blocks * bundle.BLOCK
        root, salt, key, files = (bytes([n]) * 32 for n in range(4))
        footer = bundle.Footer(size, verity.tree_size(blocks), 1_700_000_000, root, salt, key, files, version)
        superblock = struct.pack("<4s24sHHQQ", b"hsqs", b"", 4, 0, 0, size - 100).ljust(96, b"\0")
        yield superblock + bundle.encode(footer).rstrip(b"\0")


TARGET = Target(check, seeds, runs=10_000, native=True, minutes=5)
