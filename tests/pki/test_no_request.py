"""No request, whatever it asks for, is answered with more than one server's certificate or with another's name or
address. Requests are drawn from what an attacker would write; certificates are judged by what is read out of them."""

import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Denied, Invalid
from core.pki import issue, keys, requests
from core.pki.types import Algorithm, Authority, SignRequest
from tests.pki import handmade
from tests.pki.conftest import NOW

CA = issue.authority(Authority(NOW, Algorithm.ED25519, "talos"))
KEY = Ed25519PrivateKey.generate()
TAKEN = ("cp-1", "cp-1.example.org", "api.example.org", "10.0.0.2", "10.0.0.3", "fd00::2")
SOURCE = "10.0.0.9"
CLAIMED: dict[str, tuple[str, ...]] = {
    "another": ("w-7", "10.0.0.7"),
    keys.fingerprint(KEY.public_key()): ("w-1", "10.0.0.10"),
}

hosts = st.one_of(
    st.sampled_from(
        [*TAKEN, "w-1", "w-7", "w-1.example.org", "localhost", "os:admin", "api", "*", "*.example.org", ""]
    ),
    st.from_regex(r"[a-zA-Z0-9.*\-_]{1,20}", fullmatch=True),
).flatmap(lambda text: st.sampled_from([text, text.upper(), text + ".", "." + text, text + "\0.x", " " + text]))
addresses = st.one_of(
    st.sampled_from(["10.0.0.2", "10.0.0.7", "fd00::2", "::ffff:10.0.0.2", "0.0.0.0", "::", "10.0.0.10", "::1"]).map(
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
    _judge(_request(subject, wanted))


names = st.one_of(
    st.tuples(
        st.just(handmade.DNS),
        st.one_of(
            st.sampled_from(
                [
                    b"w-1",
                    b"w-7",
                    b"cp-1",
                    b"CP-1",
                    b"cp-1.",
                    b"cp-1\0",
                    b"*",
                    b"*.example.org",
                    b"xn--cp-1-",
                    b"10.0.0.2",
                ]
            ),
            st.sampled_from(["\uff43\uff50-1", "cp\u20111", "cp-1\u3002example.org"]).map(str.encode),
            st.binary(max_size=300),
        ),
    ),
    st.tuples(
        st.just(handmade.ADDRESS),
        st.one_of(
            st.sampled_from(["10.0.0.2", "10.0.0.7", "fd00::2", "::ffff:10.0.0.2"]).map(
                lambda text: ipaddress.ip_address(text).packed
            ),
            st.binary(max_size=33),
        ),
    ),
    st.tuples(st.integers(0, 255), st.binary(max_size=20)),
)


@given(st.lists(st.lists(st.lists(names, max_size=3), max_size=3), max_size=3))
def test_nor_does_one_that_no_library_writes(attributes: list[list[list[tuple[int, bytes]]]]) -> None:
    """Extensions twice, attributes twice, names that are no text, addresses of any length."""
    _judge(handmade.request(KEY, [[handmade.alternatives(names) for names in one] for one in attributes]))


def test_what_is_there_twice_is_refused_and_once_is_signed() -> None:
    good = handmade.alternatives([(handmade.DNS, b"w-1"), (handmade.ADDRESS, bytes((10, 0, 0, 9)))])
    evil = handmade.alternatives([(handmade.DNS, b"cp-1")])
    issued = requests.sign(SignRequest(NOW, CA, handmade.request(KEY, [[good]]), SOURCE, TAKEN))
    assert issued.names[0] == "w-1"
    for attributes in ([[good, evil]], [[evil, good]], [[good, good]]):
        with pytest.raises(Invalid, match="not a certificate request"):
            requests.sign(SignRequest(NOW, CA, handmade.request(KEY, attributes), SOURCE, TAKEN))


def _judge(csr: bytes) -> None:
    """Refused, or a certificate that says no more than it may."""
    try:
        issued = requests.sign(SignRequest(NOW, CA, csr, SOURCE, TAKEN, claimed=CLAIMED))
    except (Denied, Invalid):
        return
    assert issued.fingerprint == keys.fingerprint(KEY.public_key())
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
        assert host not in ("api", "api.example.org", "w-7")
        assert not host.endswith(".")
    assert {SOURCE, "127.0.0.1", "::1"} <= set(found)
    assert not {*TAKEN, "10.0.0.7", "0.0.0.0", "::"} & set(found)
    assert not any(address.startswith("::ffff:") for address in found)
    common = [attribute.value for attribute in certificate.subject]
    assert common == hosts
