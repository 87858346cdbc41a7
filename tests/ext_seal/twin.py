"""The same by cryptography's AESGCM."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def seal(key: bytes, nonce: bytes, message: bytes, extra: bytes = b"") -> bytes:
    return AESGCM(key).encrypt(nonce, message, extra)


def unseal(key: bytes, nonce: bytes, sealed: bytes, extra: bytes = b"") -> bytes | None:
    try:
        return AESGCM(key).decrypt(nonce, sealed, extra)
    except InvalidTag:
        return None
