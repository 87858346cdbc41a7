"""Private keys: making them, and their PEM in the labels of the config formats. Home of `cryptography`'s key types."""

import hashlib
from typing import Final

from cryptography import x509
from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.backends.openssl import backend
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from core.base.errors import Invalid
from core.pki import pem
from core.pki.types import Algorithm

Key = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
Public = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey
BACKEND: Final = backend
"""Imported by name because the library would import it late, behind the first key, where a sealed process may not."""
UNREADABLE: Final = (
    *(ValueError, TypeError, KeyError, UnsupportedAlgorithm, InternalError),
    *(x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType),
)
"""What the library raises for what is no certificate, request or key; some only once their parts are asked for."""
_PLAIN: Final = serialization.NoEncryption()


def new(algorithm: Algorithm) -> Key:
    """A fresh key."""
    match algorithm:
        case Algorithm.ED25519:
            return ed25519.Ed25519PrivateKey.generate()
        case Algorithm.P256:
            return ec.generate_private_key(ec.SECP256R1())
        case Algorithm.RSA4096:
            return rsa.generate_private_key(65537, 4096)


def algorithm_of(key: Key) -> Algorithm:
    """What a leaf under this key uses: any elliptic curve answers P-256, any RSA key RSA-4096."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return Algorithm.ED25519
    return Algorithm.P256 if isinstance(key, ec.EllipticCurvePrivateKey) else Algorithm.RSA4096


def algorithm_like(public: object) -> Algorithm:
    """The same for an authority of which only the public key is known. Raises Invalid."""
    kinds: tuple[tuple[type, Algorithm], ...] = (
        (ed25519.Ed25519PublicKey, Algorithm.ED25519),
        (ec.EllipticCurvePublicKey, Algorithm.P256),
        (rsa.RSAPublicKey, Algorithm.RSA4096),
    )
    for kind, algorithm in kinds:
        if isinstance(public, kind):
            return algorithm
    raise Invalid("a key must be Ed25519, ECDSA or RSA")


def fingerprint(public: Public) -> str:
    """By which a key is known: SHA-256 of its SubjectPublicKeyInfo, hexadecimal."""
    encoded = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(encoded).hexdigest()


def digest(key: Key) -> hashes.SHA256 | hashes.SHA512 | None:
    """The hash a signature by this key is made over; Ed25519 has its own."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    return hashes.SHA256() if isinstance(key, ec.EllipticCurvePrivateKey) else hashes.SHA512()


def public(data: bytes) -> bytes:
    """The public part of a private key in PEM, as PEM. Raises Invalid."""
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return load(data).public_key().public_bytes(serialization.Encoding.PEM, kind)


def dump(key: Key) -> bytes:
    """PEM as the config formats label it: ED25519 / EC / RSA PRIVATE KEY."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        pkcs8 = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, _PLAIN)
        return pem.for_wire(pkcs8)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, _PLAIN)


def load(data: bytes) -> Key:
    """A private key from PEM, under either label. Raises Invalid."""
    try:
        key = serialization.load_pem_private_key(pem.for_openssl(data), None)
    except UNREADABLE as error:
        raise Invalid(f"not a private key: {error}") from None
    if not isinstance(key, Key):
        raise Invalid("a key must be Ed25519, ECDSA or RSA")
    return key
