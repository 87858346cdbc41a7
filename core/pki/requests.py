"""Certificate requests: making one, and signing a joining node's by refusal first. What a request asks for is never
copied: it can only narrow what the caller allows, and anything that smells of more than one server certificate is
refused whole (an O, CA:true, a usage other than serverAuth, a name that is not allowed)."""

import ipaddress
from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from core.base.errors import Denied, Invalid
from core.base.text import printable
from core.pki import keys
from core.pki.issue import Signer, alternatives, name
from core.pki.types import Issued, SignRequest


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


def load(data: bytes) -> x509.CertificateSigningRequest:
    """A request whose signature proves that the asker holds the key. Raises Invalid."""
    try:
        request = x509.load_pem_x509_csr(data)
        signed, public = request.is_signature_valid, request.public_key()
        _ = request.subject, request.extensions  # are read when they are asked for: now, and never again
    except keys.UNREADABLE as error:
        raise Invalid(f"not a certificate request: {printable(str(error))}") from None
    if not signed:
        raise Invalid("the request is not signed by its own key")
    if not isinstance(public, ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        raise Invalid("a key must be Ed25519, ECDSA or RSA")
    if isinstance(public, rsa.RSAPublicKey) and public.key_size < 2048:
        raise Invalid(f"an RSA key of {public.key_size} bits is too weak")
    return request


def sign(job: SignRequest) -> Issued:
    """One server certificate for the allowed names that were asked for. Raises Denied, Invalid."""
    request = load(job.csr)
    organizations = request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    if organizations:
        raise Denied("a node's request must not name an organization")
    wanted = _wanted(request)
    names = wanted.get_values_for_type(x509.DNSName)
    addresses = [str(address) for address in wanted.get_values_for_type(x509.IPAddress)]
    if len(names) + len(addresses) != len(list(wanted)):
        raise Denied("a node's request may name hosts and addresses alone")
    allowed = {str(ipaddress.ip_address(address)) for address in job.allowed_addresses}
    if strange := {*names, *addresses} - {*job.allowed_names, *allowed}:
        raise Denied(f"the node may not be called {min(strange)}")
    if not names and not addresses:
        raise Denied("a node's request must name the node")
    subject = name(names[0] if names else "")
    signer = Signer(job.ca)
    usage = ExtendedKeyUsageOID.SERVER_AUTH
    return signer.sign(request.public_key(), subject, usage, alternatives(names, addresses), job.now, job.lifetime)


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
