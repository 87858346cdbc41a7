"""`config renew` without a node: of the secrets file, with the roles of the certificate that has ended."""

import time
from pathlib import Path

import pytest

from core.config import bundle, client
from core.pki import der, issue, pem
from core.pki.types import Client, Pair
from tests.cli.conftest import Run


@pytest.fixture
def old(secrets_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A client config whose certificate ended long ago."""
    authority = bundle.load(Path(secrets_file).read_bytes()).certs.os
    issued = issue.client(Client(time.time() - 9e6, Pair(authority.crt, authority.key), ("os:reader",), lifetime=60))
    context = client.Context(ca=b"", crt=issued.crt, key=issued.key, endpoints=("10.0.0.1",), nodes=("10.0.0.2",))
    path = tmp_path / "old"
    path.write_bytes(client.save(client.ClientConfig(context="c", contexts={"c": context})))
    monkeypatch.setenv("ICHORCONFIG", str(path))
    return path


def test_an_ended_certificate_is_renewed_of_the_secrets(ichorctl: Run, old: Path, secrets_file: str) -> None:
    before = client.load(old.read_bytes()).get()
    assert "expired" in ichorctl("config", "info")[1]
    code, _, said = ichorctl("config", "renew", "--from-secrets", secrets_file, "--crt-ttl", "48h")
    assert (code, said) == (0, "context c has a new certificate, for os:reader\n")
    after = client.load(old.read_bytes()).get()
    facts = der.read(pem.certificates(after.crt)[0])
    assert facts.organizations == ("os:reader",)
    assert abs(facts.not_after - time.time() - 48 * 3600) < 300
    assert after.key not in (b"", before.key)
    assert after.ca == bundle.load(Path(secrets_file).read_bytes()).certs.os.crt
    assert (after.endpoints, after.nodes) == (before.endpoints, before.nodes)
    assert old.stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_renewed_stays(ichorctl: Run, old: Path, tmp_path: Path) -> None:
    before = old.read_bytes()
    (tmp_path / "empty").write_text("{}")
    assert ichorctl("config", "renew", "--from-secrets", "empty")[0] == 1
    assert ichorctl("config", "renew", "--crt-ttl", "0s")[0] == 1
    assert ichorctl("config", "renew", "--crt-ttl", "soon")[0] == 1
    assert old.read_bytes() == before
