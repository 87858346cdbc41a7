"""The few facts a long-lived process needs of a certificate, read from DER without a cryptography library: subject,
validity, serial number. Strict (X.690 DER: definite, minimal lengths; nothing left over) and bounded; verifies nothing,
which is OpenSSL's work before anybody asks here."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import msgspec

from core.base.errors import Invalid

_SEQUENCE: Final = 0x30
_SET: Final = 0x31
_OID: Final = 0x06
_INTEGER: Final = 0x02
_UTC_TIME: Final = 0x17
_GENERALIZED_TIME: Final = 0x18
_VERSION: Final = 0xA0
_TEXT: Final = {0x0C: "utf-8", 0x13: "ascii", 0x16: "ascii", 0x14: "latin-1", 0x1E: "utf-16-be"}
COMMON_NAME: Final = b"\x55\x04\x03"
ORGANIZATION: Final = b"\x55\x04\x0a"


class Facts(msgspec.Struct, frozen=True):
    """Of one certificate. Times are Unix seconds."""

    serial: int
    common_name: str
    organizations: tuple[str, ...]
    not_before: int
    not_after: int


def read(certificate: bytes) -> Facts:
    """The facts of a DER certificate. Raises Invalid."""
    outer = list(elements(only(certificate, _SEQUENCE)))
    if len(outer) != 3 or outer[0][0] != _SEQUENCE:
        raise Invalid("not a certificate")
    parts = list(elements(outer[0][1]))
    if parts and parts[0][0] == _VERSION:
        parts = parts[1:]
    if len(parts) < 6 or parts[0][0] != _INTEGER or any(tag != _SEQUENCE for tag, _ in parts[1:6]):
        raise Invalid("not a certificate")
    times = [_time(tag, value) for tag, value in elements(parts[3][1])]
    if len(times) != 2:
        raise Invalid("a certificate has two times")
    names = list(subject(parts[4][1]))
    return Facts(
        int.from_bytes(parts[0][1], "big"),
        next((text for oid, text in names if oid == COMMON_NAME), ""),
        tuple(text for oid, text in names if oid == ORGANIZATION),
        times[0],
        times[1],
    )


def subject(data: bytes) -> Iterator[tuple[bytes, str]]:
    """(OID, text) of each common name and organization in a Name. Raises Invalid."""
    for tag, members in elements(data):
        if tag != _SET:
            raise Invalid("not a name")
        for kind, attribute in elements(members):
            pair = list(elements(attribute))
            if kind != _SEQUENCE or len(pair) != 2 or pair[0][0] != _OID:
                raise Invalid("not a name")
            if pair[0][1] in (COMMON_NAME, ORGANIZATION):
                yield pair[0][1], _string(*pair[1])


def _string(tag: int, value: bytes) -> str:
    try:
        return value.decode(_TEXT[tag])
    except (KeyError, UnicodeDecodeError):
        raise Invalid("not text in a name") from None


def _time(tag: int, value: bytes) -> int:
    digits = {_UTC_TIME: 12, _GENERALIZED_TIME: 14}.get(tag, 0)
    if not digits or len(value) != digits + 1 or not value[:-1].isdigit() or value[-1:] != b"Z":
        raise Invalid("not a time")
    text = value[:-1].decode()
    if tag == _UTC_TIME:  # RFC 5280 4.1.2.5.1: 50 and above is the century before
        text = ("19" if text >= "5" else "20") + text
    month, day, hour, minute, second = (int(text[start : start + 2]) for start in range(4, 14, 2))
    try:
        return int(datetime(int(text[:4]), month, day, hour, minute, second, tzinfo=UTC).timestamp())
    except ValueError:
        raise Invalid("not a time") from None


def only(data: bytes, tag: int) -> bytes:
    """The content of the one element that there is. Raises Invalid."""
    found = list(elements(data))
    if len(found) != 1 or found[0][0] != tag:
        raise Invalid("not one DER element")
    return found[0][1]


def elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(tag, content) of each element of a constructed one. Raises Invalid."""
    start = 0
    while start < len(data):
        tag = data[start]
        length, start = _length(data, start + 1)
        if tag & 0x1F == 0x1F or start + length > len(data):
            raise Invalid("not DER")
        yield tag, data[start : start + length]
        start += length


def _length(data: bytes, start: int) -> tuple[int, int]:
    if start >= len(data):
        raise Invalid("not DER")
    first = data[start]
    if first < 0x80:
        return first, start + 1
    count = first & 0x7F
    body = data[start + 1 : start + 1 + count]
    if not 1 <= count <= 3 or len(body) != count or body[0] == 0 or (count == 1 and body[0] < 0x80):
        raise Invalid("not DER")
    return int.from_bytes(body, "big"), start + 1 + count
