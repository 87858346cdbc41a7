"""Certificate requests that no library writes: byte by byte, signed well. Things are in them twice, or are no text."""

from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from core.pki import pem

SEQUENCE: Final = 0x30
_SET: Final = 0x31
_EXTENSION_REQUEST: Final = bytes.fromhex("06092a864886f70d01090e")
_ALTERNATIVE_NAME: Final = bytes.fromhex("0603551d11")
_ED25519: Final = bytes.fromhex("300506032b6570")
DNS, ADDRESS = 0x82, 0x87


def element(tag: int, content: bytes) -> bytes:
    """One DER element."""
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    encoded = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(encoded))) + encoded + content


def alternatives(names: Sequence[tuple[int, bytes]]) -> bytes:
    """An extension with these alternative names."""
    value = element(SEQUENCE, b"".join(element(tag, name) for tag, name in names))
    return element(SEQUENCE, _ALTERNATIVE_NAME + element(0x04, value))


def request(key: Ed25519PrivateKey, attributes: Sequence[Sequence[bytes]]) -> bytes:
    """A PEM request without a subject; each attribute asks for extensions of its own."""
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    asked = b"".join(
        element(SEQUENCE, _EXTENSION_REQUEST + element(_SET, element(SEQUENCE, b"".join(extensions))))
        for extensions in attributes
    )
    info = element(SEQUENCE, b"\x02\x01\x00" + element(SEQUENCE, b"") + public + element(0xA0, asked))
    signature = element(0x03, b"\x00" + key.sign(info))
    return pem.encode("CERTIFICATE REQUEST", element(SEQUENCE, info + _ED25519 + signature))
