"""Files for somebody else to read: the age format (age-encryption.org/v1) with X25519 recipients. Writing only: who may
read such a file has age. Loads `cryptography`; for the operator's machine."""

import base64
import hashlib
import hmac
import os
from collections.abc import Iterable
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.base.errors import Invalid

_INTRO: Final = b"age-encryption.org/v1\n"
_LABEL: Final = b"age-encryption.org/v1/X25519"
_CHUNK: Final = 64 << 10
_WRAP_NONCE: Final = bytes(12)


def seal(data: bytes, recipients: Iterable[bytes]) -> bytes:
    """What the holders of the recipients' private keys can read; `recipients` are public keys of 32 bytes. Raises
    Invalid for one that is none."""
    file_key = os.urandom(16)
    header = _INTRO + b"".join(_stanza(file_key, key) for key in recipients) + b"---"
    mac = hmac.digest(_derive(file_key, b"", b"header"), header, hashlib.sha256)
    nonce = os.urandom(16)
    return header + b" " + _base64(mac) + b"\n" + nonce + _payload(_derive(file_key, nonce, b"payload"), data)


def _stanza(file_key: bytes, key: bytes) -> bytes:
    """The file's key for one recipient."""
    own = X25519PrivateKey.generate()
    share = own.public_key().public_bytes_raw()
    try:
        shared = own.exchange(X25519PublicKey.from_public_bytes(key))
    except ValueError:
        raise Invalid("a recipient's key is none") from None
    wrapped = ChaCha20Poly1305(_derive(shared, share + key, _LABEL)).encrypt(_WRAP_NONCE, file_key, None)
    return b"-> X25519 " + _base64(share) + b"\n" + _base64(wrapped) + b"\n"


def _payload(key: bytes, data: bytes) -> bytes:
    """Chunks, each under its number, the last one marked, so that none can be left out, moved or cut off."""
    cipher, sealed = ChaCha20Poly1305(key), []
    starts = range(0, max(len(data), 1), _CHUNK)
    for number, start in enumerate(starts):
        nonce = number.to_bytes(11, "big") + bytes([start + _CHUNK >= len(data)])
        sealed.append(cipher.encrypt(nonce, data[start : start + _CHUNK], None))
    return b"".join(sealed)


def _derive(key: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, info).derive(key)


def _base64(data: bytes) -> bytes:
    return base64.b64encode(data).rstrip(b"=")
