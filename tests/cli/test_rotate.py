"""`rotate-ca`: what it refuses before it asks any node."""

from pathlib import Path

import pytest

from core.config import client
from tests.cli.conftest import Run


@pytest.fixture
def bare(ichorctl: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs it with a client config without a certificate."""
    context = client.Context(endpoints=("127.0.0.1",))
    (tmp_path / "bare").write_bytes(client.save(client.ClientConfig(context="c", contexts={"c": context})))
    monkeypatch.setenv("ICHORCONFIG", str(tmp_path / "bare"))
    return ichorctl


def test_flags_are_the_format_s(bare: Run) -> None:
    assert bare("rotate-ca", "--talos=false", "--kubernetes=false")[2] == "error: there is nothing to do\n"
    for flags in (("--dry-run",), ("--dry-run=false", "--with-docs=false", "--with-examples", "--k8s-endpoint", "x")):
        code, out, err = bare("rotate-ca", *flags, "--control-plane-nodes", "127.0.0.1,127.0.0.2")
        assert (code, out) == (1, "")
        assert err == "error: the context c has no certificate; get one by `ichorctl config renew`\n"
    assert bare("rotate-ca", "--dry-run=perhaps")[0] == 2
