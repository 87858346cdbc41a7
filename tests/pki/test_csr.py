"""The reader of requests against `cryptography`, and against cut and bent bytes."""

import base64
import random
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from core.base.errors import Invalid
from core.pki import csr, keys, pem, requests
from core.pki.csr import Wanted
from core.pki.types import Algorithm

KEY = keys.dump(keys.new(Algorithm.P256))
TEXTS = st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1, max_size=20)


@settings(max_examples=40)
@given(
    st.text(min_size=1, max_size=20, alphabet=st.characters(codec="utf-8", categories=["L", "N"])),
    st.lists(TEXTS, max_size=3, unique=True),
    st.lists(TEXTS, max_size=4, unique=True),
    st.lists(st.ip_addresses().map(str), max_size=4, unique=True),
)
def test_it_says_what_was_asked_for(name: str, groups: list[str], hosts: list[str], addresses: list[str]) -> None:
    made = requests.new(KEY, name, hosts, addresses, tuple(groups))
    assert csr.read(made) == Wanted((name,), tuple(groups), tuple(hosts), tuple(addresses))


def test_other_names_and_other_extensions() -> None:
    names = [x509.RFC822Name("a@b"), x509.UniformResourceIdentifier("u:x"), x509.DNSName("host")]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(
        x509.SubjectAlternativeName([*names, x509.IPAddress(ip_address("::1"))]), critical=True
    )
    loaded = keys.load(KEY)
    made = builder.sign(loaded, keys.digest(loaded)).public_bytes(Encoding.PEM)
    assert csr.read(made) == Wanted((), (), ("host",), ("::1",), 2)


def test_what_is_no_request_is_refused() -> None:
    made = requests.new(KEY, "a", ["b"], ["10.0.0.1"])
    der = pem.decode(made)[0][1]
    for end in range(len(der)):
        with pytest.raises(Invalid):
            csr.read(pem.encode("CERTIFICATE REQUEST", der[:end]))
    for other in (b"", made + made, made.replace(b"REQUEST", b"THING"), made * 200, base64.b64encode(der)):
        with pytest.raises(Invalid):
            csr.read(other)


def test_bent_bytes_are_read_or_refused() -> None:
    der, numbers = pem.decode(requests.new(KEY, "a", ["b"], ["10.0.0.1"]))[0][1], random.Random(1)
    for _ in range(3000):
        bent = bytearray(der)
        for _ in range(numbers.randint(1, 3)):
            bent[numbers.randrange(len(bent))] = numbers.randrange(256)
        try:
            csr.read(pem.encode("CERTIFICATE REQUEST", bytes(bent)))
        except Invalid:
            continue
