"""Certificate requests. Input: flags (1: take the rest as PEM, as it is), else the DER of what a request says; it is
signed by the key that the seeds name, so that what lies behind a good signature is reached."""

import base64
from collections.abc import Iterator
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from core.base.errors import Denied, Invalid
from core.pki import issue, pem, requests
from core.pki.types import Algorithm, Authority, Pair, SignRequest
from tests.fuzz.target import Target, attempt

_NOW = 1_800_000_000.0
_SOURCE, _ADDRESSES = "10.0.0.5", ("10.0.0.5", "fd00::5")
_TAKEN = ("node-2", "node-2.example.org", "10.0.0.2", "fd00::2")


@cache
def _key() -> Ed25519PrivateKey:
    """Nobody's: of fixed bytes, for requests that are nobody's."""
    return Ed25519PrivateKey.from_private_bytes(bytes(32))


@cache
def _authority() -> Pair:
    return issue.authority(Authority(_NOW, Algorithm.ED25519, "fuzz"))


def check(data: bytes) -> None:
    request = data[1:] if data[:1] and data[0] & 1 else _signed(data[1:])
    issued = attempt((Invalid, Denied), requests.sign, SignRequest(_NOW, _authority(), request, _SOURCE, _TAKEN))
    if issued is not None:
        _judge(x509.load_pem_x509_certificate(issued.crt))


def _judge(certificate: x509.Certificate) -> None:
    """A server's and nothing more."""
    extensions = certificate.extensions
    assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    hosts = names.get_values_for_type(x509.DNSName)
    assert len(hosts) <= 1
    assert not {host.rstrip(".").lower().partition(".")[0] for host in hosts} & {"node-2", "*"}
    addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    assert addresses >= {_SOURCE, "127.0.0.1", "::1"}
    assert not addresses & {*_TAKEN, "::ffff:10.0.0.2"}
    assert not certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)


def _signed(info: bytes) -> bytes:
    signature = _der(0x03, b"\0" + _key().sign(info))
    return pem.encode("CERTIFICATE REQUEST", _der(0x30, info + _der(0x30, bytes.fromhex("06032b6570")) + signature))


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2, "big")
    return bytes([tag]) + length + content


def seeds() -> Iterator[bytes]:
    names = x509.SubjectAlternativeName([x509.DNSName("node-1"), *issue.alternatives((), _ADDRESSES)])
    other = x509.SubjectAlternativeName([x509.UniformResourceIdentifier("spiffe://x"), x509.RFC822Name("a@b")])
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "os:admin")
    authority = x509.BasicConstraints(ca=True, path_length=None)
    sets: tuple[tuple[list[x509.NameAttribute], list[x509.ExtensionType]], ...] = (
        ([], [names]),
        ([x509.NameAttribute(NameOID.COMMON_NAME, "node-1")], [names, usage, issue._usage(encipher=True)]),
        ([organization], [names]),
        ([], [other, authority]),
        ([], [x509.OCSPNoCheck(), names]),
    )
    for subject, extensions in sets:
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        request = builder.sign(_key(), None)
        yield b"\0" + request.tbs_certrequest_bytes
    yield b"\1" + request.public_bytes(Encoding.PEM)
    yield (
        b"\1-----BEGIN CERTIFICATE REQUEST-----\n"
        + base64.b64encode(bytes(40))
        + b"\n-----END CERTIFICATE REQUEST-----\n"
    )


TARGET = Target(check, seeds, runs=10_000, largest=2048, minutes=5)
