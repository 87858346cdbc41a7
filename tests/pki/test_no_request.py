"""No request, whatever it asks for, is answered with more than one server's certificate or with another's name or
address. Requests are drawn from what an attacker would write; certificates are judged by what is read out of them."""

import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Denied, Invalid
from core.pki import issue, requests
from core.pki.types import Algorithm, Authority, SignRequest
from tests.pki.conftest import NOW

CA = issue.authority(Authority(NOW, Algorithm.ED25519, "talos"))
KEY = Ed25519PrivateKey.generate()
TAKEN = ("cp-1", "cp-1.example.org", "api.example.org", "10.0.0.2", "10.0.0.3", "fd00::2")
SOURCE = "10.0.0.9"

hosts = st.one_of(
    st.sampled_from([*TAKEN, "w-1", "w-1.example.org", "localhost", "os:admin", "api", "*", "*.example.org", ""]),
    st.from_regex(r"[a-zA-Z0-9.*\-_]{1,20}", fullmatch=True),
).flatmap(lambda text: st.sampled_from([text, text.upper(), text + ".", "." + text, text + "\0.x", " " + text]))
addresses = st.one_of(
    st.sampled_from(["10.0.0.2", "10.0.0.3", "fd00::2", "::ffff:10.0.0.2", "0.0.0.0", "::", "10.0.0.10", "::1"]).map(
        ipaddress.ip_address
    ),
    st.ip_addresses(),
)
general = st.one_of(
    hosts.map(x509.DNSName),
    addresses.map(x509.IPAddress),
    st.sampled_from(["spiffe://x", "https://10.0.0.2"]).map(x509.UniformResourceIdentifier),
    st.just(x509.RFC822Name("a@example.org")),
    st.just(x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "os:admin")]))),
    st.just(x509.RegisteredID(ExtendedKeyUsageOID.CLIENT_AUTH)),
)
usages = st.lists(
    st.sampled_from(
        [
            ExtendedKeyUsageOID.SERVER_AUTH,
            ExtendedKeyUsageOID.CLIENT_AUTH,
            ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
            ExtendedKeyUsageOID.CODE_SIGNING,
        ]
    ),
    min_size=1,
    max_size=3,
)
extensions = st.one_of(
    st.lists(general, min_size=1, max_size=4).map(x509.SubjectAlternativeName),
    usages.map(x509.ExtendedKeyUsage),
    st.booleans().map(lambda ca: x509.BasicConstraints(ca=ca, path_length=None)),
    st.booleans().map(lambda sign: x509.KeyUsage(True, False, False, False, False, sign, sign, False, False)),
    st.just(x509.OCSPNoCheck()),
    st.just(x509.NameConstraints([x509.DNSName("x")], None)),
    st.just(x509.UnrecognizedExtension(NameOID.ORGANIZATION_NAME, b"\x0c\x08os:admin")),
)
attributes = st.lists(
    st.tuples(
        st.sampled_from([NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME]),
        st.sampled_from(["w-1", "cp-1", "os:admin", "os:impersonator"]),
    ),
    max_size=3,
)


def _request(subject: list[tuple[x509.ObjectIdentifier, str]], wanted: list[tuple[x509.ExtensionType, bool]]) -> bytes:
    name = x509.Name([x509.NameAttribute(oid, text) for oid, text in subject])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    seen = set()
    for extension, critical in wanted:
        if extension.oid not in seen:
            builder = builder.add_extension(extension, critical=critical)
            seen.add(extension.oid)
    return builder.sign(KEY, None).public_bytes(Encoding.PEM)


@given(attributes, st.lists(st.tuples(extensions, st.booleans()), max_size=4))
def test_no_request_gets_more_than_a_server_s_certificate(
    subject: list[tuple[x509.ObjectIdentifier, str]], wanted: list[tuple[x509.ExtensionType, bool]]
) -> None:
    try:
        issued = requests.sign(SignRequest(NOW, CA, _request(subject, wanted), SOURCE, TAKEN))
    except (Denied, Invalid):
        return
    certificate = x509.load_pem_x509_certificate(issued.crt)
    said = {extension.oid: extension.value for extension in certificate.extensions}
    assert len(x509.load_pem_x509_certificates(issued.crt)) == 1
    assert {attribute.oid for attribute in certificate.subject} <= {NameOID.COMMON_NAME}
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert not usage.key_cert_sign
    assert not usage.crl_sign
    assert said[x509.ExtendedKeyUsage.oid] == x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    _judge_names(certificate)
    assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).total_seconds() <= 24 * 3600 + 300


def _judge_names(certificate: x509.Certificate) -> None:
    names = list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    hosts = [name.value.lower() for name in names if isinstance(name, x509.DNSName)]
    found = [str(name.value) for name in names if isinstance(name, x509.IPAddress)]
    assert len(hosts) + len(found) == len(names)
    assert len(hosts) <= 1
    for host in hosts:
        assert set(host) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")
        assert host.split(".")[0] not in ("cp-1", "")
        assert host not in ("api", "api.example.org")
        assert not host.endswith(".")
    assert {SOURCE, "127.0.0.1", "::1"} <= set(found)
    assert not {*TAKEN, "0.0.0.0", "::", "::ffff:10.0.0.2"} & set(found)
    common = [attribute.value for attribute in certificate.subject]
    assert common == hosts
