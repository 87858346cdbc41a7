"""Disks for targets, larger than any input: zeros but for a few pieces. And what makes an input of a real one."""

from collections.abc import Iterator
from typing import Final

_PIECE: Final = 64
READS: Final = 100_000


class Disk:
    """`size` bytes. Counts reads, so that a decoder that would read without end is caught."""

    def __init__(self, size: int, pieces: dict[int, bytes]) -> None:
        self.size, self._pieces, self._reads = size, pieces, 0

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset`."""
        assert offset >= 0 and length >= 0, f"a read of {length} bytes at {offset}"
        self._reads += 1
        assert self._reads < READS, "reads without end"
        end = min(offset + length, self.size)
        if end <= offset:
            return b""
        assert end - offset <= 4 << 20, f"a read of {end - offset} bytes at a stretch"
        data = bytearray(end - offset)
        for at, piece in self._pieces.items():
            first, last = max(at, offset), min(at + len(piece), end)
            if first < last:
                data[first - offset : last - offset] = piece[first - at : last - at]
        return bytes(data)


def unpack(data: bytes) -> Disk:
    """Size in KiB (4 bytes), then pieces: offset (4), length (2), bytes."""
    size, pieces, at = int.from_bytes(data[:4], "little") % (1 << 22) * 1024, dict[int, bytes](), 4
    while at + 6 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 6], "little")
        pieces[int.from_bytes(data[at : at + 4], "little")] = data[at + 6 : at + 6 + length]
        at += 6 + length
    return Disk(size, pieces)


def pack(image: bytes) -> bytes:
    """The input that unpacks to this image."""
    return (len(image) // 1024).to_bytes(4, "little") + b"".join(
        at.to_bytes(4, "little") + len(piece).to_bytes(2, "little") + piece for at, piece in _pieces(image)
    )


def _pieces(image: bytes) -> Iterator[tuple[int, bytes]]:
    """Runs of bytes that are not zeros."""
    start, end = -1, -1
    for at in range(0, len(image), _PIECE):
        if any(image[at : at + _PIECE]):
            if start >= 0 and at - end <= _PIECE and end - start < 16384:
                end = at + _PIECE
                continue
            if start >= 0:
                yield start, image[start:end].rstrip(b"\0")
            start, end = at, at + _PIECE
    if start >= 0:
        yield start, image[start:end].rstrip(b"\0")
