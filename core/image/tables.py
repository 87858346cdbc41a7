"""Leaves a squashfs with all its tables uncompressed. mksquashfs does so for inodes and folders when told, but ties the
fragment table to the fragments' data; a node reads these tables to name the file that a broken block belongs to, and it
has no zstd. The tables are the last of a squashfs, so that rewriting them moves nothing."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

_COUNT, _USED, _ID_TABLE, _FRAGMENTS = 16, 40, 48, 80
_PLAIN: Final = 1 << 15
_PER_BLOCK: Final = 512


def decompress_fragments(path: Path, decompress: Callable[[bytes], bytes]) -> None:
    """Rewrite the fragment table and the id table behind it; the latter must be the last, and plain already."""
    with path.open("r+b") as image:
        count = _number(image, _COUNT, 4)
        blocks = -(-count // _PER_BLOCK)
        index = _number(image, _FRAGMENTS, 8)
        places = [_number(image, index + 8 * i, 8) for i in range(blocks)]
        fragments = [_metadata(image, place, decompress) for place in places]
        ids = _metadata(image, _number(image, _number(image, _ID_TABLE, 8), 8), decompress)
        image.seek(places[0])
        fragment_index = _write(image, fragments)
        id_index = _write(image, [ids])
        end = image.tell()
        image.truncate()
        for at, value in ((_FRAGMENTS, fragment_index), (_ID_TABLE, id_index), (_USED, end)):
            image.seek(at)
            image.write(struct.pack("<Q", value))


def _number(image: BinaryIO, at: int, size: int) -> int:
    image.seek(at)
    return int.from_bytes(image.read(size), "little")


def _metadata(image: BinaryIO, at: int, decompress: Callable[[bytes], bytes]) -> bytes:
    size = _number(image, at, 2)
    data = image.read(size & ~_PLAIN)
    return data if size & _PLAIN else decompress(data)


def _write(image: BinaryIO, blocks: list[bytes]) -> int:
    """Metadata blocks, then the list of their places; where that list is."""
    places = []
    for block in blocks:
        places.append(image.tell())
        image.write(struct.pack("<H", len(block) | _PLAIN) + block)
    index = image.tell()
    image.write(struct.pack(f"<{len(places)}Q", *places))
    return index
