"""Authorities and the certificates they sign. A leaf never says CA:true, a server's never clientAuth, a client's
nothing but clientAuth, and both only a member's of etcd; serial numbers are 128 random bits. Nothing here reads a
clock: `now` is handed in."""

import ipaddress
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from core.base.errors import Invalid
from core.pki import keys
from core.pki.types import BACKDATE, Algorithm, Authority, Client, Issued, Maintenance, Member, Pair, Server

_SERVER: Final = ExtendedKeyUsageOID.SERVER_AUTH
_CLIENT: Final = ExtendedKeyUsageOID.CLIENT_AUTH
MAINTENANCE_NAME: Final = "maintenance-service.talos.dev"


class Signer:
    """An authority's certificate and key, loaded and known to belong together."""

    def __init__(self, pair: Pair) -> None:
        """Raises Invalid."""
        self.crt = pair.crt
        self.key = keys.load(pair.key)
        try:
            self.certificate = x509.load_pem_x509_certificate(pair.crt)
            public = self.certificate.public_key()
        except keys.UNREADABLE as error:
            raise Invalid(f"not a certificate: {error}") from None
        if public != self.key.public_key():
            raise Invalid("the authority's key does not belong to its certificate")

    def sign(
        self,
        public: CertificatePublicKeyTypes,
        subject: x509.Name,
        usages: Iterable[ObjectIdentifier],
        alternatives: Iterable[x509.GeneralName],
        now: float,
        lifetime: int,
    ) -> Issued:
        """A leaf for `public`, ending with its authority at the latest."""
        end = min(_when(now + lifetime), self.certificate.not_valid_after_utc)
        builder = _builder(subject, self.certificate.subject, public, now, end)
        builder = builder.add_extension(
            _usage(encipher=keys.algorithm_of(self.key) is Algorithm.RSA4096), critical=True
        )
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_identifier(self.certificate), critical=False)
        if names := list(alternatives):
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=not list(subject))
        certificate = builder.sign(self.key, keys.digest(self.key))
        return Issued(certificate.public_bytes(Encoding.PEM), b"", self.crt, end.timestamp())


def authority(request: Authority) -> Pair:
    """A self-signed authority with a new key. Raises Invalid for what is no address."""
    key = keys.new(request.algorithm)
    subject = name(request.common_name, (request.organization,) if request.organization else ())
    end = _when(request.now + request.lifetime)
    builder = _builder(subject, subject, key.public_key(), request.now, end)
    builder = builder.add_extension(_usage(certificates=True), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([_SERVER, _CLIENT]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    if own := alternatives((), request.addresses):
        builder = builder.add_extension(x509.SubjectAlternativeName(own), critical=False)
    certificate = builder.sign(key, keys.digest(key))
    return Pair(certificate.public_bytes(Encoding.PEM), keys.dump(key))


def vouched(authority: bytes, by: Pair, now: float) -> bytes:
    """An authority's certificate once more, signed by another one: to be shown behind what it issued, so that who
    believes `by` alone follows it from there. It ends with the first of both. Raises Invalid."""
    signer = Signer(by)
    try:
        own = x509.load_pem_x509_certificate(authority)
        key = own.public_key()
    except keys.UNREADABLE as error:
        raise Invalid(f"not a certificate: {error}") from None
    end = min(own.not_valid_after_utc, signer.certificate.not_valid_after_utc)
    builder = _builder(own.subject, signer.certificate.subject, key, now, end)
    for extension in own.extensions:
        if not isinstance(extension.value, x509.AuthorityKeyIdentifier):
            builder = builder.add_extension(extension.value, extension.critical)
    builder = builder.add_extension(_identifier(signer.certificate), critical=False)
    return builder.sign(signer.key, keys.digest(signer.key)).public_bytes(Encoding.PEM)


def server(request: Server) -> Issued:
    """A server certificate with a key of the authority's kind. Raises Invalid."""
    signer = Signer(request.ca)
    key = _key(request.key, signer)
    subject = name(request.common_name, (request.organization,) if request.organization else ())
    names = alternatives(request.names, request.addresses)
    return _with_key(signer.sign(key.public_key(), subject, [_SERVER], names, request.now, request.lifetime), key)


def member(request: Member) -> Issued:
    """The certificate of a member of etcd, which others call and which calls others. Raises Invalid."""
    signer = Signer(request.ca)
    key = _key(request.key, signer)
    subject, names = name(request.common_name), alternatives(request.names, request.addresses)
    usages = [_SERVER, _CLIENT]
    return _with_key(signer.sign(key.public_key(), subject, usages, names, request.now, request.lifetime), key)


def client(request: Client) -> Issued:
    """A client certificate with a key of the authority's kind. Raises Invalid."""
    signer = Signer(request.ca)
    key = _key(request.key, signer)
    subject = name(request.common_name, tuple(dict.fromkeys(request.roles)))
    return _with_key(signer.sign(key.public_key(), subject, [_CLIENT], (), request.now, request.lifetime), key)


def maintenance(request: Maintenance) -> Issued:
    """A server certificate of an authority that lives as long as it and whose key is dropped here."""
    own = authority(Authority(request.now, Algorithm.ED25519, lifetime=24 * 3600))
    return server(Server(request.now, own, MAINTENANCE_NAME, request.names, request.addresses))


def algorithm(authority: bytes) -> Algorithm:
    """The kind of key that an authority has, by its certificate. Raises Invalid."""
    try:
        return keys.algorithm_like(x509.load_pem_x509_certificate(authority).public_key())
    except keys.UNREADABLE as error:
        raise Invalid(f"not a certificate: {error}") from None


def issued_by(certificate: bytes, authority: bytes) -> bool:
    """Whether the first certificate of one PEM text is signed by that of the other. Raises Invalid."""
    try:
        leaf, issuer = x509.load_pem_x509_certificate(certificate), x509.load_pem_x509_certificate(authority)
    except keys.UNREADABLE as error:
        raise Invalid(f"not a certificate: {error}") from None
    try:
        leaf.verify_directly_issued_by(issuer)
    except (*keys.UNREADABLE, InvalidSignature):
        return False
    return True


def name(common_name: str, organizations: tuple[str, ...] = ()) -> x509.Name:
    """A subject; empty parts are left out."""
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization) for organization in organizations]
    if common_name:
        attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64]))
    return x509.Name(attributes)


def alternatives(names: Iterable[str], addresses: Iterable[str]) -> list[x509.GeneralName]:
    """Subject alternative names, each once, in order. Raises Invalid."""
    try:
        ips = [ipaddress.ip_address(address) for address in dict.fromkeys(addresses)]
        return [*map(x509.DNSName, dict.fromkeys(names)), *map(x509.IPAddress, ips)]
    except ValueError as error:
        raise Invalid(f"not a name for a certificate: {error}") from None


def _key(given: bytes, signer: Signer) -> keys.Key:
    """The key that is there if it is of the authority's kind, else a new one."""
    algorithm = keys.algorithm_of(signer.key)
    if given:
        key = keys.load(given)
        if keys.algorithm_of(key) is algorithm:
            return key
    return keys.new(algorithm)


def _with_key(issued: Issued, key: keys.Key) -> Issued:
    return Issued(issued.crt, keys.dump(key), issued.ca, issued.not_after)


def _identifier(authority: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """How what it signs names its key: as its own certificate does, for not everybody derives that in the same way."""
    try:
        own = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        own = x509.SubjectKeyIdentifier.from_public_key(authority.public_key())
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _builder(
    subject: x509.Name, issuer: x509.Name, public: CertificatePublicKeyTypes, now: float, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(secrets.randbits(128) or 1)
        .not_valid_before(_when(now) - timedelta(seconds=BACKDATE))
        .not_valid_after(end)
    )


def _usage(*, certificates: bool = False, encipher: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=encipher,
        key_cert_sign=certificates,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _when(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
