"""Issued certificates as openssl sees them: chain, usage, names, lifetimes, kinds of key."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from core.base.errors import Invalid
from core.pki import der, issue, jobs, pem
from core.pki.types import (
    BACKDATE,
    HOUR,
    Algorithm,
    Authority,
    Client,
    Issued,
    Maintenance,
    Pair,
    Server,
    half_life,
)
from tests.pki.conftest import NOW

KINDS = {Algorithm.ED25519: "ED25519", Algorithm.P256: "prime256v1", Algorithm.RSA4096: r"\(4096 bit\)"}
LABELS = {Algorithm.ED25519: b"ED25519", Algorithm.P256: b"EC", Algorithm.RSA4096: b"RSA"}


def _openssl(*arguments: str, data: bytes = b"") -> str:
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout.decode()


def _verifies(issued: Issued, purpose: str, folder: Path) -> bool:
    (folder / "ca").write_bytes(issued.ca)
    (folder / "crt").write_bytes(issued.crt)
    arguments = ["verify", "-x509_strict", "-attime", str(int(NOW) + 60), "-purpose", purpose, "-CAfile", "ca", "crt"]
    return subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("algorithm", [*Algorithm])
def test_a_leaf_follows_its_authority(authorities: dict[Algorithm, Pair], algorithm: Algorithm, tmp_path: Path) -> None:
    issued = issue.server(
        Server(NOW, authorities[algorithm], "node-1", ("node-1", "node-1.example"), ("10.0.0.1", "fd00::1"))
    )
    text = _openssl("x509", "-noout", "-text", data=issued.crt)
    assert re.search(KINDS[algorithm], text)
    assert "Subject: CN = node-1\n" in text
    assert "DNS:node-1, DNS:node-1.example, IP Address:10.0.0.1, IP Address:FD00:0:0:0:0:0:0:1" in text
    assert "X509v3 Extended Key Usage: \n                TLS Web Server Authentication\n" in text
    assert _verifies(issued, "sslserver", tmp_path)
    assert not _verifies(issued, "sslclient", tmp_path)
    assert issued.key.startswith(b"-----BEGIN %b PRIVATE KEY-----\n" % LABELS[algorithm])
    assert _openssl("pkey", "-pubout", data=pem.for_openssl(issued.key)) == _openssl(
        "x509", "-noout", "-pubkey", data=issued.crt
    )


def test_a_client_certificate_carries_roles_and_nothing_but_client_usage(ca: Pair, tmp_path: Path) -> None:
    issued = issue.client(Client(NOW, ca, ("os:reader", "os:operator", "os:reader")))
    text = _openssl("x509", "-noout", "-text", data=issued.crt)
    assert "Subject: O = os:reader, O = os:operator\n" in text
    assert "X509v3 Extended Key Usage: \n                TLS Web Client Authentication\n" in text
    assert _verifies(issued, "sslclient", tmp_path)
    assert not _verifies(issued, "sslserver", tmp_path)


def test_lifetimes_start_a_little_early_and_end_on_time(ca: Pair) -> None:
    issued = issue.server(Server(NOW, ca, "n", ("n",)))
    facts = der.read(pem.certificates(issued.crt)[0])
    assert (facts.not_before, facts.not_after) == (NOW - BACKDATE, NOW + 24 * HOUR)
    assert issued.not_after == NOW + 24 * HOUR
    assert half_life(issued, NOW) == NOW + 12 * HOUR


def test_a_leaf_never_outlives_its_authority() -> None:
    short = issue.authority(Authority(NOW, Algorithm.ED25519, lifetime=HOUR))
    assert issue.server(Server(NOW, short, "n", ("n",))).not_after == NOW + HOUR


def test_serial_numbers_do_not_repeat(ca: Pair) -> None:
    issued = [issue.client(Client(NOW, ca, ())) for _ in range(20)]
    serials = {der.read(pem.certificates(one.crt)[0]).serial for one in issued}
    assert len(serials) == 20
    assert all(0 < serial < 2**128 for serial in serials)


def test_maintenance_makes_an_authority_and_forgets_its_key(tmp_path: Path) -> None:
    issued = issue.maintenance(Maintenance(NOW, ("node-1",), ("127.0.0.1", "::1")))
    assert "Subject: CN = maintenance-service.talos.dev\n" in _openssl("x509", "-noout", "-text", data=issued.crt)
    assert pem.certificates(issued.ca) != pem.certificates(issued.crt)
    assert len(pem.decode(issued.key)) == 1
    (tmp_path / "ca").write_bytes(issued.ca)
    (tmp_path / "crt").write_bytes(issued.crt)
    _openssl("verify", "-attime", str(int(NOW) + 60), "-CAfile", str(tmp_path / "ca"), str(tmp_path / "crt"))


@pytest.mark.parametrize(
    "pair",
    [
        Pair(b"", b""),
        Pair(b"x", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
    ],
)
def test_an_authority_must_be_whole(pair: Pair) -> None:
    with pytest.raises(Invalid):
        issue.server(Server(NOW, pair, "n", ("n",)))


def test_an_authoritys_key_must_be_its_own(authorities: dict[Algorithm, Pair]) -> None:
    mixed = Pair(authorities[Algorithm.P256].crt, authorities[Algorithm.ED25519].key)
    with pytest.raises(Invalid, match="does not belong"):
        issue.server(Server(NOW, mixed, "n", ("n",)))


@pytest.mark.parametrize(("names", "addresses"), [(("ä.example",), ()), ((), ("10.0.0.1/24",)), ((), ("host",))])
def test_names_must_be_what_they_claim(ca: Pair, names: tuple[str, ...], addresses: tuple[str, ...]) -> None:
    with pytest.raises(Invalid, match="not a name for a certificate"):
        issue.server(Server(NOW, ca, "n", names, addresses))


def test_jobs_are_bytes_in_and_bytes_out(ca: Pair) -> None:
    for job in (
        Server(NOW, ca, "n", ("n",)),
        Client(NOW, ca, ("os:admin",)),
        Maintenance(NOW, (), ("127.0.0.1",)),
        Authority(NOW, Algorithm.ED25519, "talos"),
    ):
        issued = jobs.decode(jobs.issue(jobs.encode(job)))
        assert pem.certificates(issued.crt)
        assert pem.decode(issued.key)


def test_the_light_modules_do_not_load_cryptography() -> None:
    script = (
        "import sys; import core.pki.roles, core.pki.pem, core.pki.types, core.config;"
        "sys.exit('cryptography' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", script], cwd=root, check=False).returncode == 0


def test_a_sealed_worker_imports_nothing_late() -> None:
    script = """
import sys
from core.pki import jobs, types
before = set(sys.modules)
for algorithm in types.Algorithm:
    made = jobs.run(types.Authority(1.8e9, algorithm, "x"))
    ca = types.Pair(made.crt, made.key)
    if algorithm is types.Algorithm.RSA4096:
        continue  # its leaves take seconds
    jobs.issue(types.encode(types.Server(1.8e9, ca, "n", ("n",), ("10.0.0.1",))))
    jobs.issue(types.encode(types.Client(1.8e9, ca, ("os:admin",))))
jobs.issue(types.encode(types.Maintenance(1.8e9, (), ("::1",))))
print(*sorted(set(sys.modules) - before))
"""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
