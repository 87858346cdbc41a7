"""Certificates for tests, good and bad, of every key type, as PEM."""

import datetime
import hashlib
import ipaddress
from dataclasses import dataclass
from functools import cache
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from core.pki import keys

Kind = Literal["ed25519", "ecdsa", "ecdsa384", "rsa", "rsa4096"]
Key = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH


@dataclass(frozen=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    private: Key

    @property
    def pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def der(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def key(self) -> bytes:
        """The private key."""
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the SubjectPublicKeyInfo."""
        info = self.certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(info).digest()


def load(crt: bytes, key: bytes) -> Pair:
    """A pair that somebody else made."""
    return Pair(x509.load_pem_x509_certificate(crt), keys.load(key))


def authority(kind: Kind = "ed25519", name: str = "os") -> Pair:
    """A CA; the same one for the same arguments."""
    return _authority(kind, name)


@cache
def _authority(kind: Kind, name: str) -> Pair:
    return issue(None, kind=kind, usage=(), ca=True, name=name)


def issue(
    by: Pair | None,
    *,
    kind: Kind = "ed25519",
    usage: tuple[ObjectIdentifier, ...] = (CLIENT,),
    ca: bool = False,
    name: str = "os:admin",
    starts: float = -1,
    ends: float = 1,
) -> Pair:
    """A certificate valid from and to so many days from now, for 127.0.0.1 and localhost."""
    key = _key(kind)
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=starts))
        .not_valid_after(now + datetime.timedelta(days=ends))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
    if not ca:
        names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    signer = by.private if by else key
    algorithm = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return Pair(builder.sign(signer, algorithm), key)


def _key(kind: Kind) -> Key:
    match kind:
        case "ed25519":
            return ed25519.Ed25519PrivateKey.generate()
        case "ecdsa" | "ecdsa384":
            return ec.generate_private_key(ec.SECP256R1() if kind == "ecdsa" else ec.SECP384R1())
        case "rsa" | "rsa4096":
            return rsa.generate_private_key(65537, 2048 if kind == "rsa" else 4096)
