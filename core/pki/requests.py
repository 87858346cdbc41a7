"""Certificate requests: making one, and signing a joining node's by refusal first. The certificate is for the address
the node asks from; what it asks for besides is looked at one by one, and anything that smells of more than one server
certificate is refused whole (an O, CA:true, a usage other than serverAuth, a name or address that another holds)."""

import re
from collections.abc import Collection, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from core.base.errors import Denied, Invalid
from core.base.text import printable
from core.pki import keys
from core.pki.issue import Signer, algorithm, alternatives, name
from core.pki.types import Issued, Pair, Request, Requested, SignRequest

Address = IPv4Address | IPv6Address
LOOPBACK: Final = (IPv4Address("127.0.0.1"), IPv6Address("::1"))
ADDRESSES: Final = 32
_LABEL: Final = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_HOST: Final = re.compile(rf"(?=.{{1,253}}\Z)(?!(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\Z){_LABEL}(?:\.{_LABEL})*")


def new(
    key: bytes,
    common_name: str = "",
    names: Iterable[str] = (),
    addresses: Iterable[str] = (),
    organizations: tuple[str, ...] = (),
) -> bytes:
    """A PEM request signed by `key`. Raises Invalid."""
    loaded = keys.load(key)
    builder = x509.CertificateSigningRequestBuilder().subject_name(name(common_name, organizations))
    if wanted := alternatives(names, addresses):
        builder = builder.add_extension(x509.SubjectAlternativeName(wanted), critical=False)
    return builder.sign(loaded, keys.digest(loaded)).public_bytes(Encoding.PEM)


def load(data: bytes) -> tuple[x509.CertificateSigningRequest, keys.Public]:
    """A request and its key, which the asker holds by proof of its signature. Raises Invalid."""
    try:
        request = x509.load_pem_x509_csr(data)
        signed, public = request.is_signature_valid, request.public_key()
        _ = request.subject, request.extensions  # are read when they are asked for: now, and never again
    except keys.UNREADABLE as error:
        raise Invalid(f"not a certificate request: {printable(str(error))}") from None
    if not signed:
        raise Invalid("the request is not signed by its own key")
    if not isinstance(public, keys.Public):
        raise Invalid("a key must be Ed25519, ECDSA or RSA")
    if isinstance(public, rsa.RSAPublicKey) and public.key_size < 2048:
        raise Invalid(f"an RSA key of {public.key_size} bits is too weak")
    return request, public


def make(job: Request) -> Requested:
    """A request and the key that signed it, which is of the authority's kind. Raises Invalid."""
    kind = algorithm(job.authority)
    fits = job.key and keys.algorithm_of(keys.load(job.key)) is kind
    key = job.key if fits else keys.dump(keys.new(kind))
    return Requested(new(key, job.common_name, job.names, job.addresses, job.organizations), key)


def sign(job: SignRequest) -> Issued:
    """One server certificate: for the asker's address, loopback, and what else it asks for that nobody holds. Raises
    Denied, Invalid."""
    request, public = load(job.csr)
    if request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME):
        raise Denied("a node's request must not name an organization")
    wanted = _wanted(request)
    names = [given.lower() for given in wanted.get_values_for_type(x509.DNSName)]
    asked = wanted.get_values_for_type(x509.IPAddress)
    if len(names) + len(asked) != len(list(wanted)):
        raise Denied("a node's request may name hosts and addresses alone")
    if len(names) > 1 or len(asked) > ADDRESSES:
        raise Denied(f"a node's request may name one host and {ADDRESSES} addresses")
    fingerprint = keys.fingerprint(public)
    claims = (name for key, claimed in job.claimed.items() if key != fingerprint for name in claimed)
    taken = (*job.taken, *claims)
    held = {parsed for text in taken if (parsed := _parsed(text))}
    for given in names:
        _check_name(given, taken)
    addresses = (ip_address(job.source), *LOOPBACK, *asked)
    for address in addresses:
        _check_address(address, held)
    named = tuple(dict.fromkeys([*names, *map(str, addresses)]))
    subject = name(names[0] if names else "")
    alternative = alternatives(names, map(str, addresses))
    usage = ExtendedKeyUsageOID.SERVER_AUTH
    signed = Signer(job.ca).sign(public, subject, [usage], alternative, job.now, job.lifetime)
    return Issued(signed.crt, b"", signed.ca, signed.not_after, named, fingerprint)


def endorse(csr: bytes, ca: Pair, now: float, lifetime: int) -> Issued:
    """Sign what an operator asks for by hand: a client certificate for the roles that the request names, or, when it
    names none, a server certificate for its names and addresses. Never an authority. Raises Denied, Invalid."""
    request, public = load(csr)
    wanted = _wanted(request)
    roles = request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    usage = ExtendedKeyUsageOID.CLIENT_AUTH if roles else ExtendedKeyUsageOID.SERVER_AUTH
    return Signer(ca).sign(public, request.subject, [usage], wanted, now, lifetime)


def _check_name(given: str, taken: Iterable[str]) -> None:
    """Raise Denied unless it is a host's name (RFC 1123) that no URL parser takes for an address, and nobody's."""
    if not _HOST.fullmatch(given):
        raise Denied(f"{printable(given)} is no host name")
    if any(_same_host(given, other.lower().rstrip(".")) for other in taken):
        raise Denied(f"{given} is another's name")


def _same_host(name: str, other: str) -> bool:
    """A bare name and a longer one that begins with it are one host's; a wildcard is every host's that it covers."""
    if other.startswith("*."):
        return name.partition(".")[2] == other[2:]
    short, long = sorted((name, other), key=len)
    return short == long or ("." not in short and short == long.partition(".")[0])


def _check_address(address: object, held: Collection[Address]) -> None:
    """Raise Denied unless it is a host's own and nobody else's."""
    if not isinstance(address, Address) or address.is_multicast or address.is_unspecified:
        raise Denied(f"{address} is no host's address")
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        raise Denied(f"{address} is another way to write {address.ipv4_mapped}")
    if address in held:
        raise Denied(f"{address} is another's address")


def _parsed(text: str) -> Address | None:
    """An address, however it is written; None for a name."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def _wanted(request: x509.CertificateSigningRequest) -> x509.SubjectAlternativeName:
    """The names asked for; any extension besides is either harmless and ignored, or refused."""
    wanted = x509.SubjectAlternativeName([])
    for extension in request.extensions:
        value = extension.value
        if isinstance(value, x509.SubjectAlternativeName):
            wanted = value
        elif isinstance(value, x509.BasicConstraints):
            if value.ca:
                raise Denied("a node's request must not ask for an authority")
        elif isinstance(value, x509.ExtendedKeyUsage):
            if list(value) != [ExtendedKeyUsageOID.SERVER_AUTH]:
                raise Denied("a node's request may ask for serverAuth alone")
        elif isinstance(value, x509.KeyUsage):
            if value.key_cert_sign or value.crl_sign:
                raise Denied("a node's request must not ask to sign certificates")
        elif extension.critical:
            raise Denied(f"extension {extension.oid.dotted_string} is not taken")
    return wanted
