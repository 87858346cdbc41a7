"""Requests on PID 1's control socket, as machined and spawner send them: real code on a real socket pair."""

import ctypes
import struct
from collections.abc import Iterator
from functools import cache

from core.linux.init import REQUEST, Op
from tests.fuzz.engine import shared_object
from tests.fuzz.target import Target


@cache
def _init() -> ctypes.CDLL:
    return ctypes.CDLL(str(shared_object("tests/fuzz/init.c")))


def check(data: bytes) -> None:
    assert _init().fuzz_control(data, ctypes.c_size_t(len(data))), "a reply does not add up, or a descriptor is lost"


def seeds() -> Iterator[bytes]:
    def message(op: int, name: bytes = b"", argument: int = 0, descriptors: int = 0) -> bytes:
        return bytes([descriptors, REQUEST.size]) + REQUEST.pack(op, 0, argument, name)

    put = message(Op.PUT, b"log.apid", descriptors=1)
    yield put + put + message(Op.GET, b"log.apid") + message(Op.NAMES) + message(Op.DROP, b"log.apid")
    yield message(Op.STATUS) + message(Op.EXITS, argument=2**63) + message(Op.BEAT) + message(99) + message(0)
    yield message(Op.PUT, b"x" * 64, descriptors=1) + message(Op.PUT, b"two", descriptors=2)
    yield (
        message(Op.PUT)
        + message(Op.PUT, b"", descriptors=1)
        + message(Op.GET, descriptors=3)
        + struct.pack("=BB", 1, 3)
        + b"abc"
    )
    yield message(Op.REBOOT, b"because")


TARGET = Target(check, seeds, runs=10_000, native=True)
