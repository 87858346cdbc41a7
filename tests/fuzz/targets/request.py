"""What a certificate request asks for, as the approval of Kubernetes' requests reads it without a cryptography library;
where `cryptography` reads the same request, both say the same. Input: flags (1: the rest is PEM), the request."""

from collections.abc import Iterator
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier

from core.base.errors import Invalid
from core.pki import csr, keys, pem
from tests.fuzz.target import Target, attempt


def check(data: bytes) -> None:
    request = data[1:] if data[:1] and data[0] & 1 else pem.encode("CERTIFICATE REQUEST", data[1:])
    wanted = attempt(Invalid, csr.read, request)
    if wanted is not None:
        _compare(wanted, request)


def _compare(wanted: csr.Wanted, request: bytes) -> None:
    try:
        other = x509.load_pem_x509_csr(request)
        subject, extensions = other.subject, other.extensions
        names = list(extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        names = []
    except keys.UNREADABLE:
        return
    assert wanted.common_names == _said(subject, NameOID.COMMON_NAME)
    assert wanted.organizations == _said(subject, NameOID.ORGANIZATION_NAME)
    assert wanted.names == tuple(name.value for name in names if isinstance(name, x509.DNSName))
    assert wanted.addresses == tuple(str(name.value) for name in names if isinstance(name, x509.IPAddress))
    assert wanted.others == sum(not isinstance(name, x509.DNSName | x509.IPAddress) for name in names)


def _said(subject: x509.Name, kind: ObjectIdentifier) -> tuple[str | bytes, ...]:
    return tuple(attribute.value for attribute in subject.get_attributes_for_oid(kind))


def seeds() -> Iterator[bytes]:
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    node = [(NameOID.ORGANIZATION_NAME, "system:nodes"), (NameOID.COMMON_NAME, "system:node:node-1")]
    hosts = [x509.DNSName("node-1"), *(x509.IPAddress(ip_address(text)) for text in ("10.0.0.5", "fd00::5"))]
    strangers = [x509.RFC822Name("a@b"), x509.UniformResourceIdentifier("spiffe://x"), x509.DNSName("node-2")]
    sets: tuple[list[x509.ExtensionType], ...] = (
        [],
        [x509.SubjectAlternativeName(hosts)],
        [x509.BasicConstraints(ca=True, path_length=None), x509.SubjectAlternativeName(strangers)],
    )
    for extensions in sets:
        name = x509.Name([x509.NameAttribute(*part) for part in node])
        builder = x509.CertificateSigningRequestBuilder().subject_name(name)
        for extension in extensions:
            builder = builder.add_extension(extension, critical=bool(len(extensions) - 1))
        request = builder.sign(key, None)
        yield b"\0" + request.public_bytes(Encoding.DER)
        yield b"\1" + request.public_bytes(Encoding.PEM)


TARGET = Target(check, seeds, runs=15_000, largest=2048, minutes=5)
