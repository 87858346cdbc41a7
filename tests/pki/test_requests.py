"""Signing a node's request: for the address it asks from and what nobody holds; all else is refused whole."""

import subprocess
from pathlib import Path

import pytest

from core.base.errors import Denied, Invalid
from core.pki import der, jobs, keys, pem, requests
from core.pki.types import Algorithm, Pair, Request, SignRequest, decode_request
from tests.pki.conftest import NOW

TAKEN = ("node-2", "node-2.example.org", "api.example.org", "*.wild.example.org", "10.0.0.2", "FD00:0::2")


def _job(ca: Pair, csr: bytes) -> SignRequest:
    return SignRequest(NOW, ca, csr, "10.0.0.1", TAKEN)


def _key(algorithm: Algorithm = Algorithm.ED25519) -> bytes:
    return keys.dump(keys.new(algorithm))


def _by_openssl(folder: Path, extensions: str, subject: str = "/CN=node-1", key: str = "ed25519") -> bytes:
    (folder / "conf").write_text(f"[req]\ndistinguished_name=dn\nreq_extensions=ext\n[dn]\n[ext]\n{extensions}\n")
    options = ["-newkey", *key.split(), "-nodes", "-keyout", "/dev/null", "-config", "conf", "-subj", subject]
    return subprocess.run(["openssl", "req", "-new", *options], cwd=folder, capture_output=True, check=True).stdout


def test_an_honest_request_gets_one_server_certificate(ca: Pair) -> None:
    csr = requests.new(_key(), "node-1", ("node-1",), ("10.0.0.1", "fd00::1"))
    issued = jobs.decode(jobs.issue(jobs.encode(_job(ca, csr))))
    assert issued.key == b""
    facts = der.read(pem.certificates(issued.crt)[0])
    assert (facts.common_name, facts.organizations, facts.not_after) == ("node-1", (), NOW + 24 * 3600)
    text = subprocess.run(
        ["openssl", "x509", "-noout", "-text"], input=issued.crt, capture_output=True, check=True
    ).stdout
    names = b"DNS:node-1, IP Address:10.0.0.1, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, "
    assert names + b"IP Address:FD00:0:0:0:0:0:0:1\n" in text
    assert issued.names == ("node-1", "10.0.0.1", "127.0.0.1", "::1", "fd00::1")
    assert b"X509v3 Extended Key Usage: \n                TLS Web Server Authentication\n" in text
    assert b"CA:FALSE" in text


def test_openssl_makes_requests_that_are_signed(ca: Pair, tmp_path: Path) -> None:
    extensions = "subjectAltName=DNS:node-1,IP:10.0.0.1\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth"
    issued = requests.sign(_job(ca, _by_openssl(tmp_path, extensions)))
    assert pem.certificates(issued.crt)


@pytest.mark.parametrize(
    ("extensions", "subject", "why"),
    [
        ("subjectAltName=DNS:node-2", "/CN=node-1", "node-2 is another's name"),
        ("subjectAltName=DNS:NODE-2.example.org", "/CN=node-1", "is another's name"),
        ("subjectAltName=DNS:node-2.example.net", "/CN=node-1", "is another's name"),
        ("subjectAltName=DNS:api", "/CN=node-1", "is another's name"),
        ("subjectAltName=DNS:x.wild.example.org", "/CN=node-1", "is another's name"),
        ("subjectAltName=DNS:node-1,DNS:node-3", "/CN=node-1", "may name one host and"),
        ("subjectAltName=DNS:node-1,IP:10.0.0.2", "/CN=node-1", r"10\.0\.0\.2 is another's address"),
        ("subjectAltName=IP:fd00:0::2", "/CN=node-1", "fd00::2 is another's address"),
        ("subjectAltName=IP:::ffff:10.0.0.2", "/CN=node-1", r"another way to write 10\.0\.0\.2"),
        ("subjectAltName=IP:0.0.0.0", "/CN=node-1", "no host's address"),
        ("subjectAltName=IP:224.0.0.1", "/CN=node-1", "no host's address"),
        ("subjectAltName=DNS:*.node-1", "/CN=node-1", "no host name"),
        ("subjectAltName=DNS:10.0.0.2", "/CN=node-1", "no host name"),
        ("subjectAltName=DNS:0xa000002", "/CN=node-1", "no host name"),
        ("subjectAltName=DNS:node-2.", "/CN=node-1", "no host name"),
        ("subjectAltName=DNS:node-1,email:a@b", "/CN=node-1", "hosts and addresses alone"),
        ("subjectAltName=DNS:node-1,URI:spiffe://x", "/CN=node-1", "hosts and addresses alone"),
        ("subjectAltName=DNS:node-1", "/O=os:admin/CN=node-1", "must not name an organization"),
        ("subjectAltName=DNS:node-1\nbasicConstraints=CA:TRUE", "/CN=node-1", "must not ask for an authority"),
        ("subjectAltName=DNS:node-1\nextendedKeyUsage=clientAuth", "/CN=node-1", "serverAuth alone"),
        ("subjectAltName=DNS:node-1\nextendedKeyUsage=serverAuth,clientAuth", "/CN=node-1", "serverAuth alone"),
        ("subjectAltName=DNS:node-1\nkeyUsage=keyCertSign", "/CN=node-1", "must not ask to sign"),
        ("subjectAltName=DNS:node-1\n1.2.3.4=critical,ASN1:UTF8String:x", "/CN=node-1", r"1\.2\.3\.4 is not taken"),
    ],
)
def test_what_smells_is_refused(ca: Pair, tmp_path: Path, extensions: str, subject: str, why: str) -> None:
    with pytest.raises(Denied, match=why):
        requests.sign(_job(ca, _by_openssl(tmp_path, extensions, subject)))


def test_who_asks_for_nothing_is_named_by_the_address_it_asks_from(ca: Pair, tmp_path: Path) -> None:
    issued = requests.sign(_job(ca, _by_openssl(tmp_path, "basicConstraints=CA:FALSE", "/CN=node-2")))
    assert issued.names == ("10.0.0.1", "127.0.0.1", "::1")
    assert der.read(pem.certificates(issued.crt)[0]).common_name == ""


@pytest.mark.parametrize("source", ["10.0.0.2", "fd00::2", "::ffff:10.0.0.9", "0.0.0.0", "ff02::1"])
def test_who_asks_from_another_s_address_gets_nothing(ca: Pair, source: str) -> None:
    with pytest.raises(Denied):
        requests.sign(SignRequest(NOW, ca, requests.new(_key(), "node-1", ("node-1",)), source, TAKEN))


def test_a_refusal_is_an_answer(ca: Pair) -> None:
    """It crosses from the worker as what it is; anything else would be taken for a worker's death."""
    with pytest.raises(Denied, match="another's name"):
        jobs.decode(jobs.issue(jobs.encode(_job(ca, requests.new(_key(), "", ("node-2",))))))
    with pytest.raises(Invalid, match="not a certificate request"):
        jobs.decode(jobs.issue(jobs.encode(_job(ca, b"hello"))))


@pytest.mark.parametrize("algorithm", [Algorithm.ED25519, Algorithm.P256])
def test_a_request_follows_the_authority_s_kind(authorities: dict[Algorithm, Pair], algorithm: Algorithm) -> None:
    authority = authorities[algorithm]
    made = decode_request(jobs.issue(jobs.encode(Request(authority.crt, "n", ("n",), ("10.0.0.1",)))))
    assert keys.algorithm_of(keys.load(made.key)) is algorithm
    issued = requests.sign(_job(authority, made.csr))
    assert issued.names[:2] == ("n", "10.0.0.1")


def test_the_common_name_asked_for_is_not_copied(ca: Pair, tmp_path: Path) -> None:
    issued = requests.sign(_job(ca, _by_openssl(tmp_path, "subjectAltName=DNS:node-1", "/CN=kube-apiserver")))
    assert der.read(pem.certificates(issued.crt)[0]).common_name == "node-1"


def test_weak_and_foreign_keys_are_refused(ca: Pair, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="1024 bits is too weak"):
        requests.sign(_job(ca, _by_openssl(tmp_path, "subjectAltName=DNS:node-1", key="rsa:1024")))
    with pytest.raises(Invalid, match="must be Ed25519, ECDSA or RSA"):
        requests.sign(_job(ca, _by_openssl(tmp_path, "subjectAltName=DNS:node-1", key="ed448")))


def test_a_request_must_be_signed_by_its_own_key(ca: Pair) -> None:
    csr = requests.new(_key(), "node-1", ("node-1",))
    ((label, data),) = pem.decode(csr)
    broken = pem.encode(label, data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(Invalid, match="not signed by its own key"):
        requests.sign(_job(ca, broken))
    with pytest.raises(Invalid, match="not a certificate request"):
        requests.sign(_job(ca, b"hello"))
