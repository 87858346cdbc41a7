"""Bodies of rtnetlink requests: attributes of `<linux/rtnetlink.h>` as bytes. Owns layout, not meaning."""

import struct

NESTED = 1 << 15  # NLA_F_NESTED
CREATE = 0x400  # NLM_F_CREATE
EXCLUSIVE = 0x200  # NLM_F_EXCL
REPLACE = 0x100  # NLM_F_REPLACE

_HEAD = struct.Struct("=HH")


def attr(kind: int, data: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    return _HEAD.pack(_HEAD.size + len(data), kind) + data + bytes(-len(data) % 4)


def u32(kind: int, value: int) -> bytes:
    """A 32-bit attribute in the machine's byte order."""
    return attr(kind, struct.pack("=I", value))


def text(kind: int, value: str) -> bytes:
    """A NUL-terminated attribute."""
    return attr(kind, value.encode() + b"\0")


def nest(kind: int, *inner: bytes) -> bytes:
    """An attribute made of attributes."""
    return attr(kind | NESTED, b"".join(inner))
