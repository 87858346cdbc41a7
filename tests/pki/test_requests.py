"""Signing a node's request: what it asks for only narrows what is allowed; everything else is refused whole."""

import subprocess
from pathlib import Path

import pytest

from core.base.errors import Denied, Invalid
from core.pki import der, jobs, keys, pem, requests
from core.pki.types import Algorithm, Pair, SignRequest
from tests.pki.conftest import NOW


def _job(ca: Pair, csr: bytes) -> SignRequest:
    return SignRequest(NOW, ca, csr, ("node-1",), ("10.0.0.1", "127.0.0.1", "fd00::1"))


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
    assert b"DNS:node-1, IP Address:10.0.0.1, IP Address:FD00:0:0:0:0:0:0:1\n" in text
    assert b"X509v3 Extended Key Usage: \n                TLS Web Server Authentication\n" in text
    assert b"CA:FALSE" in text


def test_openssl_makes_requests_that_are_signed(ca: Pair, tmp_path: Path) -> None:
    extensions = "subjectAltName=DNS:node-1,IP:10.0.0.1\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth"
    issued = requests.sign(_job(ca, _by_openssl(tmp_path, extensions)))
    assert pem.certificates(issued.crt)


@pytest.mark.parametrize(
    ("extensions", "subject", "why"),
    [
        ("subjectAltName=DNS:node-2", "/CN=node-1", "may not be called node-2"),
        ("subjectAltName=DNS:node-1,IP:10.0.0.2", "/CN=node-1", r"may not be called 10\.0\.0\.2"),
        ("subjectAltName=DNS:*.node-1", "/CN=node-1", "may not be called"),
        ("subjectAltName=DNS:node-1,email:a@b", "/CN=node-1", "hosts and addresses alone"),
        ("subjectAltName=DNS:node-1,URI:spiffe://x", "/CN=node-1", "hosts and addresses alone"),
        ("subjectAltName=DNS:node-1", "/O=os:admin/CN=node-1", "must not name an organization"),
        ("subjectAltName=DNS:node-1\nbasicConstraints=CA:TRUE", "/CN=node-1", "must not ask for an authority"),
        ("subjectAltName=DNS:node-1\nextendedKeyUsage=clientAuth", "/CN=node-1", "serverAuth alone"),
        ("subjectAltName=DNS:node-1\nextendedKeyUsage=serverAuth,clientAuth", "/CN=node-1", "serverAuth alone"),
        ("subjectAltName=DNS:node-1\nkeyUsage=keyCertSign", "/CN=node-1", "must not ask to sign"),
        ("subjectAltName=DNS:node-1\n1.2.3.4=critical,ASN1:UTF8String:x", "/CN=node-1", r"1\.2\.3\.4 is not taken"),
        ("basicConstraints=CA:FALSE", "/CN=node-1", "must name the node"),
    ],
)
def test_what_smells_is_refused(ca: Pair, tmp_path: Path, extensions: str, subject: str, why: str) -> None:
    with pytest.raises(Denied, match=why):
        requests.sign(_job(ca, _by_openssl(tmp_path, extensions, subject)))


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
