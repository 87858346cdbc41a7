"""The little DER reader against `cryptography`, against truncation and bent bytes, and the roles it finds."""

import random

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Invalid
from core.pki import der, issue, pem, roles
from core.pki.roles import Role
from core.pki.types import Algorithm, Authority, Client, Pair
from tests.pki.conftest import NOW


def _certificate(ca: Pair, names: tuple[str, ...] = ("os:admin",), now: float = NOW) -> bytes:
    return pem.certificates(issue.client(Client(now, ca, names, "cn")).crt)[0]


def _same(data: bytes) -> None:
    facts, oracle = der.read(data), x509.load_der_x509_certificate(data)
    organizations = oracle.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)
    assert facts.organizations == tuple(attribute.value for attribute in organizations)
    assert facts.serial == oracle.serial_number
    assert facts.not_before == oracle.not_valid_before_utc.timestamp()
    assert facts.not_after == oracle.not_valid_after_utc.timestamp()


@pytest.mark.parametrize("algorithm", [*Algorithm])
def test_agrees_with_cryptography(authorities: dict[Algorithm, Pair], algorithm: Algorithm) -> None:
    _same(_certificate(authorities[algorithm], ("os:admin", "köln", "os:reader")))
    _same(pem.certificates(authorities[algorithm].crt)[0])


@pytest.mark.parametrize("start", [-86400.0 * 3650, 1.0e9, 2.5e9, 2.6e9, 9.0e9])
def test_both_forms_of_time(start: float) -> None:
    _same(pem.certificates(issue.authority(Authority(start, Algorithm.ED25519, "x", lifetime=3600)).crt)[0])


def test_roles_are_the_known_names_in_the_subject(ca: Pair) -> None:
    certificate = _certificate(ca, ("os:admin", "os:made-up", "os:etcd:backup"))
    assert roles.of_certificate(certificate) == {Role.ADMIN, Role.ETCD_BACKUP}
    assert roles.of_certificate(_certificate(ca, ())) == frozenset()


def test_every_cut_is_refused(ca: Pair) -> None:
    data = _certificate(ca)
    for end in range(len(data)):
        with pytest.raises(Invalid):
            der.read(data[:end])
    with pytest.raises(Invalid):
        der.read(data + b"\x00")


def test_bent_bytes_are_read_or_refused(ca: Pair) -> None:
    data, numbers = _certificate(ca), random.Random(1)
    for _ in range(3000):
        bent = bytearray(data)
        for _ in range(numbers.randint(1, 3)):
            bent[numbers.randrange(len(bent))] = numbers.randrange(256)
        _refuses_or_reads(bytes(bent))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    _refuses_or_reads(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30",
        b"\x30\x80\x00\x00",
        b"\x30\x81\x05aaaaa",
        b"\x30\x84\x00\x00\x00\x00",
        b"\x30\x82\x00\x85",
        b"\x1f\x1f\x00",
    ],
)
def test_lengths_must_be_definite_and_minimal(data: bytes) -> None:
    with pytest.raises(Invalid):
        der.read(data)


def _refuses_or_reads(data: bytes) -> None:
    try:
        der.read(data)
    except Invalid as error:
        assert error.message


def test_pem_comes_and_goes() -> None:
    text = pem.encode("CERTIFICATE", bytes(range(100)))
    assert pem.decode(b"noise\n" + text + b"between\n" + text) == [("CERTIFICATE", bytes(range(100)))] * 2
    assert pem.for_wire(pem.for_openssl(pem.encode("ED25519 PRIVATE KEY", b"x"))) == pem.encode(
        "ED25519 PRIVATE KEY", b"x"
    )
    for bad in (b"", b"-----BEGIN X-----\nAAA\n-----END X-----"):
        with pytest.raises(Invalid):
            pem.decode(bad)
    with pytest.raises(Invalid, match="no certificate"):
        pem.certificates(pem.encode("PRIVATE KEY", b"x"))
