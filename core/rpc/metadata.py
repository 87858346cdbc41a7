"""Metadata as it travels: ASCII values, base64 for keys ending in -bin, percent-escaped messages, timeouts.

Sans I/O. Refuses keys and values that HTTP/2 cannot carry, and keys that belong to gRPC itself.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote_to_bytes

from core.base.errors import Invalid

Value = str | bytes
Pairs = Iterable[tuple[str, Value]]
Fields = list[tuple[bytes, bytes]]

_KEY: Final = re.compile(r"[0-9a-z_.\-]+")
_TEXT: Final = re.compile(r"[\x20-\x7e]*")
_TIMEOUT: Final = re.compile(rb"([0-9]{1,8})([HMSmun])")
_UNITS: Final = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
_UNESCAPED: Final = re.compile(rb"[^\x20-\x24\x26-\x7e]")
_OWN: Final = frozenset({b"te", b"content-type", b"user-agent"})


class Metadata(tuple[tuple[str, Value], ...]):
    """Pairs in the order they came; a key may occur more than once. Values of -bin keys are bytes."""

    __slots__ = ()

    def get(self, key: str) -> Value | None:
        """The first value of a key."""
        return next((value for name, value in self if name == key), None)

    def all(self, key: str) -> list[Value]:
        """Every value of a key."""
        return [value for name, value in self if name == key]

    def text(self, key: str) -> list[str]:
        """Every value of a key that is not binary."""
        return [value for name, value in self if name == key and isinstance(value, str)]


def encode(pairs: Pairs) -> Fields:
    """Header fields of metadata. Raises Invalid for what cannot travel."""
    return [(_key(key), _value(key, value)) for key, value in pairs]


def carried(fields: Fields) -> Fields:
    """Those of header fields that are metadata, not gRPC's own."""
    return [field for field in fields if field[0] not in _OWN and not field[0].startswith(b"grpc-")]


def decode(fields: Fields) -> Metadata:
    """Metadata of header fields, without gRPC's own. A -bin value may hold several, joined by commas."""
    pairs: list[tuple[str, Value]] = []
    for name, value in carried(fields):
        key = name.decode("latin-1")
        if name.endswith(b"-bin"):
            pairs.extend((key, unpack(part)) for part in value.split(b","))
        else:
            pairs.append((key, value.decode("latin-1")))
    return Metadata(pairs)


def unpack(value: bytes) -> bytes:
    """Base64 with or without padding. Raises Invalid."""
    value = value.strip()
    try:
        return base64.b64decode(value + b"=" * (-len(value) % 4), validate=True)
    except binascii.Error as error:
        raise Invalid(f"binary metadata is not base64: {error}") from error


def pack(value: bytes) -> bytes:
    """Base64 without padding, as gRPC asks."""
    return base64.b64encode(value).rstrip(b"=")


def escape(message: str) -> bytes:
    """A status message for the grpc-message field: UTF-8, percent-escaped outside printable ASCII."""
    return _UNESCAPED.sub(lambda m: b"%%%02X" % m[0][0], message.encode("utf-8", "replace"))


def unescape(message: bytes) -> str:
    """The message of a grpc-message field; what is malformed stays as it is."""
    return unquote_to_bytes(message).decode("utf-8", "replace")


def parse_timeout(value: bytes) -> float:
    """Seconds of a grpc-timeout field. Raises Invalid."""
    match = _TIMEOUT.fullmatch(value)
    if match is None:
        raise Invalid(f"grpc-timeout {value!r} is malformed")
    return int(match[1]) * _UNITS[match[2]]


def format_timeout(seconds: float) -> bytes:
    """The finest unit in which the time fits 8 digits; never zero."""
    for unit in (b"n", b"u", b"m", b"S", b"M"):
        count = round(seconds / _UNITS[unit])
        if count < 10**8:
            return b"%d%b" % (max(1, count), unit)
    return b"%dH" % min(10**8 - 1, round(seconds / 3600))


def _key(key: str) -> bytes:
    if not _KEY.fullmatch(key) or key.startswith("grpc-") or key.encode() in _OWN:
        raise Invalid(f"{key!r} cannot be a metadata key")
    return key.encode()


def _value(key: str, value: Value) -> bytes:
    if key.endswith("-bin"):
        return pack(value if isinstance(value, bytes) else value.encode())
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    if not _TEXT.fullmatch(text):
        raise Invalid(f"metadata {key!r} has a value that is not printable ASCII", remedy="use a key ending in -bin")
    return text.encode()
