"""A log ring that another process, dead or alive, has left: header, staging and records may say anything. Input: the
header's fields (64 bytes), 256 bytes of staging, the records."""

import fcntl
import os
import struct
from collections.abc import Iterator
from functools import cache

from ext.ring.ring import Reader, Ring
from tests.fuzz.target import Target, attempt

_CAPACITY, _HEADER, _STAGING = 4096, 4096, 32768
_FIELDS = struct.Struct("<8Q")


@cache
def _memory() -> int:
    fd = os.memfd_create("fuzz", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, _HEADER + _STAGING + _CAPACITY)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
    return fd


def check(data: bytes) -> None:
    header = data[:64].ljust(64, b"\0")
    records = data[320:].ljust(_CAPACITY, b"\0")[:_CAPACITY]
    os.pwritev(_memory(), [header, bytes(_HEADER - 64), data[64:320].ljust(_STAGING, b"\0"), records], 0)
    for start in (None, 3):
        attempt(ValueError, _read, start)
    attempt(ValueError, _write)


def _read(start: int | None) -> None:
    reader = Reader(_memory(), start)
    try:
        size = 0
        while found := reader.read(1000):
            size += sum(24 + len(record) for _, _, record in found)
            assert size <= _CAPACITY, "more than there is"
        reader.joined(100)
    finally:
        reader.close()


def _write() -> None:
    ring = Ring.attach(_memory())
    try:
        for length in (0, 5, 1000):
            ring.append(b"x" * length)
        there, back = os.pipe()
        try:
            os.write(back, b"one\ntwo\nthree" * 50)
            ring.drain(there)
            ring.flush()
        finally:
            os.close(there)
            os.close(back)
    finally:
        ring.close()
    _read(None)


def seeds() -> Iterator[bytes]:
    for lengths in ((), (5, 0, 100), (900,) * 9):
        ring = Ring.create("seed", _CAPACITY)
        for length in lengths:
            ring.append(b"r" * length)
        there, back = os.pipe()
        os.write(back, b"line\nrest")
        ring.drain(there)
        raw = os.pread(ring.fileno(), 1 << 20, 0)
        yield raw[:64] + raw[_HEADER : _HEADER + 256] + raw[_HEADER + _STAGING :].rstrip(b"\0")[: 4096 - 320]
        for fd in (there, back):
            os.close(fd)
        ring.close()


TARGET = Target(check, seeds, runs=3000, native=True, largest=64 + 256 + _CAPACITY)
