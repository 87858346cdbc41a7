"""`rotate-ca`: what it refuses before it asks any node, and what it leaves alone when it goes on."""

from pathlib import Path

import pytest

from core.cli.rotate import ended
from core.cli.rotation.access import Output
from core.cli.rotation.authorities import Held, accepting, judge, successor, switched, without
from core.config import client
from core.pki import issue
from core.pki.types import Algorithm, Pair
from tests.cli.conftest import Run
from tests.node.trust.house import NOW, SECRETS


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


def test_an_exchange_of_kubernetes_that_is_gone_on_with_begins_none_of_the_api() -> None:
    old = Pair(SECRETS.certs.os.crt, SECRETS.certs.os.key)
    before = Held("n", True, old, ())
    new = issue.authority(successor(old.crt, Algorithm.ED25519, NOW))
    accepts = accepting(before, new.crt)
    switch = switched(before, new, old.crt)
    behind = without(switch, judge([switch]).gone)
    own = Output(Path("unused"), "c", client.Context(ca=new.crt))
    for api in (before, behind):
        assert [ended(judge([api]), own, judge([other])) for other in (before, accepts, switch, behind)] == [
            False,
            True,
            True,
            False,
        ]
    for api in (accepts, switch):  # both were broken off
        assert not ended(judge([api]), own, judge([switch]))
    late = Output(Path("unused"), "c", client.Context(ca=old.crt + new.crt))  # nor is the client config done yet
    assert not ended(judge([behind]), late, judge([switch]))
