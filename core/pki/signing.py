"""Raw Ed25519 for things that are not certificates, such as the image's footer. Keys are 32-byte seeds and 32-byte
public keys (RFC 8032); owns no file."""

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from core.base.errors import Denied


def generate() -> bytes:
    """A new seed."""
    return Ed25519PrivateKey.generate().private_bytes_raw()


def public_key(seed: bytes) -> bytes:
    """The raw public key of a seed."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def key_id(public: bytes) -> bytes:
    """SHA-256 of the raw public key."""
    return hashlib.sha256(public).digest()


def sign(seed: bytes, message: bytes) -> bytes:
    """The 64-byte signature; equal inputs give equal signatures."""
    return Ed25519PrivateKey.from_private_bytes(seed).sign(message)


def verify(public: bytes, signature: bytes, message: bytes) -> None:
    """Raises Denied unless the key's owner signed exactly this message."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        raise Denied("the signature does not match") from None
