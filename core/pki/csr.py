"""What a certificate request asks for (RFC 2986), read without a cryptography library: subject and alternative names.
Strict and bounded as `core.pki.der`; verifies nothing: whoever signs it checks that it is signed by its own key."""

from ipaddress import ip_address
from typing import Final

import msgspec

from core.base.errors import Invalid
from core.pki import pem
from core.pki.der import COMMON_NAME, ORGANIZATION, elements, only, subject

LIMIT: Final = 64 << 10  # bytes
_SEQUENCE, _SET, _OID, _OCTETS = 0x30, 0x31, 0x06, 0x04
_ATTRIBUTES: Final = 0xA0
_DNS, _IP = 0x82, 0x87
_EXTENSIONS: Final = bytes.fromhex("2a864886f70d01090e")  # 1.2.840.113549.1.9.14
_ALTERNATIVES: Final = b"\x55\x1d\x11"


class Wanted(msgspec.Struct, frozen=True):
    """`others` is how many alternative names are neither a host's nor an address."""

    common_names: tuple[str, ...]
    organizations: tuple[str, ...]
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    others: int = 0


def read(data: bytes) -> Wanted:
    """Of a PEM request. Raises Invalid."""
    if len(data) > LIMIT:
        raise Invalid("a certificate request is smaller")
    blocks = [body for label, body in pem.decode(data) if label == "CERTIFICATE REQUEST"]
    if len(blocks) != 1:
        raise Invalid("not one certificate request")
    outer = list(elements(only(blocks[0], _SEQUENCE)))
    parts = list(elements(outer[0][1])) if outer and outer[0][0] == _SEQUENCE else []
    if len(outer) != 3 or len(parts) != 4 or parts[1][0] != _SEQUENCE or parts[3][0] != _ATTRIBUTES:
        raise Invalid("not a certificate request")
    named = list(subject(parts[1][1]))
    names, addresses, others = _alternatives(parts[3][1])
    return Wanted(
        tuple(text for oid, text in named if oid == COMMON_NAME),
        tuple(text for oid, text in named if oid == ORGANIZATION),
        names,
        addresses,
        others,
    )


def _alternatives(attributes: bytes) -> tuple[tuple[str, ...], tuple[str, ...], int]:
    names, addresses, others = list[str](), list[str](), 0
    for extension in _extensions(attributes):
        if extension[0][1] != _ALTERNATIVES:
            continue
        for tag, value in elements(only(extension[-1][1], _SEQUENCE)):
            if tag == _DNS and value.isascii():
                names.append(value.decode())
            elif tag == _IP and len(value) in (4, 16):
                addresses.append(str(ip_address(value)))
            else:
                others += 1
    return tuple(names), tuple(addresses), others


def _extensions(attributes: bytes) -> list[list[tuple[int, bytes]]]:
    """Each as its elements: OID, perhaps whether it is critical, octets."""
    found = list[list[tuple[int, bytes]]]()
    for kind, attribute in elements(attributes):
        pair = list(elements(attribute))
        if kind != _SEQUENCE or len(pair) != 2 or pair[0][0] != _OID or pair[1][0] != _SET:
            raise Invalid("not an attribute of a request")
        if pair[0][1] == _EXTENSIONS:
            found += [list(elements(one)) for _, one in elements(only(pair[1][1], _SEQUENCE))]
    if any(len(each) not in (2, 3) or each[0][0] != _OID or each[-1][0] != _OCTETS for each in found):
        raise Invalid("not an extension of a request")
    return found
