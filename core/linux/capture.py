"""Hearing the packets of a link through a packet socket (packet(7)). The kernel filters, cuts and stamps them, and
drops what nobody fetches in time: memory is bounded however slow the reader is."""

import errno
import socket
import struct
from collections.abc import Sequence
from typing import Final, NamedTuple, Self

from ext import sys as kernel

ETHERNET: Final = (1, 772)  # ARPHRD_ETHER; the loopback's frames look the same
RAW: Final = (65534, 768, 769, 776)  # ARPHRD_NONE and the plain tunnels: no header of their own
BUFFER: Final = 4 << 20  # bytes the kernel keeps for us
INSTRUCTIONS: Final = 4096  # BPF_MAXINSNS
_ALL: Final = 3  # ETH_P_ALL
_SOL_PACKET, _ADD_MEMBERSHIP, _PROMISCUOUS = 263, 1, 1
_OUTGOING: Final = 4  # PACKET_OUTGOING
_SO_RCVBUFFORCE, _SO_TIMESTAMPNS = 33, 35
_TIME: Final = struct.Struct("@qq")


class Packet(NamedTuple):
    """A packet as it came at a time since the epoch in nanoseconds: `length` bytes, of which `data` were kept."""

    time: int
    data: bytes
    length: int


class Capture:
    """The packets of the link `name` that the program lets through. Close it, or use `with`."""

    def __init__(
        self, name: str, snap: int, program: Sequence[tuple[int, int, int, int]], *, promiscuous: bool
    ) -> None:
        """Begin to hear. Raises OSError: ENODEV without such a link, EINVAL for a program that is none."""
        index = _index(name)
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, 0)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, BUFFER)
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            # until it is bound, a packet socket without a protocol hears nothing: all that comes has passed the filter
            if program:
                packed = b"".join(struct.pack("@HBBI", *instruction) for instruction in program)
                kernel.attach_filter(self._socket.fileno(), packed)
            if promiscuous:
                request = struct.pack("@iHH8x", index, _PROMISCUOUS, 0)
                self._socket.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, request)
            self._socket.bind((name, _ALL))
        except BaseException:
            self._socket.close()
            raise
        self.hardware: int = self._socket.getsockname()[3]
        self._loopback = self.hardware == ETHERNET[1]
        self._buffer = bytearray(snap)

    def fileno(self) -> int:
        """To wait on."""
        return self._socket.fileno()

    def packets(self, limit: int) -> list[Packet]:
        """What has come, until about `limit` bytes. Raises OSError: ENETDOWN once when the link goes down."""
        found, size = [], 0
        while size < limit:
            try:
                length, told, _, address = self._socket.recvmsg_into([self._buffer], 64, socket.MSG_TRUNC)
            except BlockingIOError:
                break
            if self._loopback and address[2] == _OUTGOING:
                continue  # it comes back in, and is heard then
            data = bytes(memoryview(self._buffer)[: min(length, len(self._buffer))])
            size += len(data) + 16
            found.append(Packet(_stamp(told), data, length))
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._socket.close()


def _index(name: str) -> int:
    try:
        return socket.if_nametoindex(name)
    except (OSError, ValueError):  # Python gives no errno here, and takes no NUL
        raise OSError(errno.ENODEV, "no such link", name) from None


def _stamp(told: list[tuple[int, int, bytes]]) -> int:
    seconds, nanoseconds = _TIME.unpack(next(data for _, kind, data in told if kind == _SO_TIMESTAMPNS))
    return int(seconds) * 10**9 + int(nanoseconds)
