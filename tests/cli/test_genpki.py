"""Keys and certificates by hand, looked at by openssl."""

import subprocess
from pathlib import Path

import pytest

from core.pki import der, pem
from tests.cli.conftest import Run


def _openssl(*arguments: str) -> str:
    return subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=True).stdout


def _text(path: Path) -> str:
    return _openssl("x509", "-in", str(path), "-noout", "-text")


@pytest.fixture
def authority(ichorctl: Run) -> None:
    assert ichorctl("gen", "ca", "--organization", "own", "--hours", "10")[0] == 0


@pytest.mark.usefixtures("authority")
def test_an_administrators_certificate_by_hand(ichorctl: Run, tmp_path: Path) -> None:
    """As the format's documentation makes one."""
    assert ichorctl("gen", "key", "--name", "admin") == (0, "", "wrote admin.key\n")
    assert ichorctl("gen", "csr", "--key", "admin.key", "--ip", "127.0.0.1")[0] == 0
    _openssl("req", "-in", "admin.csr", "-noout", "-verify")
    signed = ("gen", "crt", "--ca", "own", "--csr", "admin.csr", "--name", "admin", "--hours", "2")
    assert ichorctl(*signed)[0] == 0
    text = _text(tmp_path / "admin.crt")
    assert "O = os:admin" in text
    assert "TLS Web Client Authentication" in text
    assert "TLS Web Server Authentication" not in text
    assert "CA:FALSE" in text
    facts = der.read(pem.certificates((tmp_path / "admin.crt").read_bytes())[0])
    assert 2 * 3600 <= facts.not_after - facts.not_before <= 2 * 3600 + 600
    _openssl("verify", "-CAfile", "own.crt", "admin.crt")
    assert ichorctl(*signed) == (1, "", "error: admin.crt exists; give --force to replace it\n")


@pytest.mark.usefixtures("authority")
def test_a_request_without_roles_is_a_servers(ichorctl: Run, tmp_path: Path) -> None:
    ichorctl("gen", "key", "--name", "server")
    ichorctl("gen", "csr", "--key", "server.key", "--ip", "10.1.2.3", "--roles", "")
    assert ichorctl("gen", "crt", "--ca", "own", "--csr", "server.csr", "--name", "server")[0] == 0
    text = _text(tmp_path / "server.crt")
    assert "IP Address:10.1.2.3" in text
    assert "TLS Web Server Authentication" in text
    assert "TLS Web Client Authentication" not in text


def test_a_pair_that_signs_itself(ichorctl: Run, tmp_path: Path) -> None:
    assert ichorctl("gen", "keypair", "--organization", "pair", "--ip", "10.1.2.3")[0] == 0
    text = _text(tmp_path / "pair.crt")
    assert "IP Address:10.1.2.3" in text
    assert "ED25519" in text
    _openssl("verify", "-CAfile", "pair.crt", "pair.crt")
    assert (tmp_path / "pair.key").stat().st_mode & 0o777 == 0o600
    assert "not a name for a certificate" in ichorctl("gen", "keypair", "--organization", "x", "--ip", "no")[2]


def test_kubernetes_authorities_are_taken_over(ichorctl: Run, secrets_file: str, tmp_path: Path) -> None:
    """As kubeadm lays them out."""
    (tmp_path / "pki" / "etcd").mkdir(parents=True)
    for name in ("ca", "front-proxy-ca", "etcd/ca"):
        ichorctl("gen", "ca", "--organization", f"pki/{name}")
    _openssl("genrsa", "-out", "pki/sa.key", "2048")
    taken = ("gen", "secrets", "-p", "pki", "-t", "abcdef.0123456789abcdef")
    assert ichorctl(*taken)[0] == 0
    text = (tmp_path / "secrets.yaml").read_text()
    assert "abcdef.0123456789abcdef" in text
    assert _base64(tmp_path / "pki/etcd/ca.key") in text
    assert _base64(tmp_path / "pki/sa.key") in text
    assert ichorctl("gen", "config", "x", "https://10.0.0.1:6443", "--with-secrets", "secrets.yaml")[0] == 0


def _base64(path: Path) -> str:
    return _openssl("base64", "-A", "-in", str(path)).strip()
