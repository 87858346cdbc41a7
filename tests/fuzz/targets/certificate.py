"""Certificates in PEM and DER as a process without a cryptography library reads them; where `cryptography` reads the
same bytes, both say the same. Input: flags (1: the rest is PEM), the certificate."""

from collections.abc import Iterator
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from core.base.errors import Invalid
from core.pki import der, keys, pem
from tests.fuzz.target import Target, attempt


def check(data: bytes) -> None:
    if data[:1] and data[0] & 1:
        for label, content in attempt(Invalid, pem.decode, data[1:]) or []:
            assert pem.decode(pem.encode(label, content)) == [(label, content)]
        certificates = attempt(Invalid, pem.certificates, data[1:]) or []
    else:
        certificates = [data[1:]]
    for certificate in certificates[:3]:
        facts = attempt(Invalid, der.read, certificate)
        if facts is not None:
            assert facts.serial >= 0
            _compare(facts, certificate)


def _compare(facts: der.Facts, certificate: bytes) -> None:
    try:
        other = x509.load_der_x509_certificate(certificate)
        serial, subject = other.serial_number, other.subject
        times = other.not_valid_before_utc, other.not_valid_after_utc
    except keys.UNREADABLE:
        return
    organizations = subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert facts.serial == serial or serial < 0
    assert facts.organizations == tuple(organization.value for organization in organizations)
    assert (facts.not_before, facts.not_after) == tuple(int(moment.timestamp()) for moment in times)


def seeds() -> Iterator[bytes]:
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    for subject, end in (((NameOID.COMMON_NAME, "node-1"), 2049), ((NameOID.ORGANIZATION_NAME, "os:admin"), 2077)):
        name = x509.Name([x509.NameAttribute(*subject)])
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        builder = builder.serial_number(1 << 90).not_valid_before(datetime(2024, 1, 2, 3, 4, 5))
        made = builder.not_valid_after(datetime(end, 12, 31)).sign(key, None)
        yield b"\0" + made.public_bytes(Encoding.DER)
        yield b"\1" + made.public_bytes(Encoding.PEM)


TARGET = Target(check, seeds, runs=15_000, largest=2048)
