"""Who gets through a node's door and who is kept out, by Go's TLS and by grpc-go: each wrong certificate with the alert
that says why, every kind of key, versions of TLS, ALPN."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from core.config import bundle
from core.config.client import Context
from tests.rpc import pki
from tests.rpc.pki import CLIENT, SERVER, Kind, Pair
from tests.support.caller import Knock, calling, knock
from tests.support.cluster import Node

VERSION, REBOOT = "machine.MachineService/Version", "machine.MachineService/Reboot"
ROLE: Final = "os:reader"
WRONG: Final[dict[str, tuple[Callable[[Pair], Pair | None], str]]] = {
    "none": (lambda _: None, "certificate required"),
    "of another authority": (lambda _: pki.issue(pki.authority(name="another")), "unknown certificate authority"),
    "of one with the same name": (lambda own: pki.issue(_namesake(own)), "error decrypting message"),
    "expired": (lambda own: pki.issue(own, ends=-0.5), "expired certificate"),
    "not yet valid": (lambda own: pki.issue(own, starts=0.5), "bad certificate"),
    "a server's": (lambda own: pki.issue(own, usage=(SERVER,)), "unsupported certificate"),
    "for both": (lambda own: pki.issue(own, usage=(CLIENT, SERVER)), "unsupported certificate"),
    "for nothing": (lambda own: pki.issue(own, usage=()), "unsupported certificate"),
    "the authority itself": (lambda own: own, "unsupported certificate"),
}


def _namesake(own: Pair) -> Pair:
    name = own.certificate.subject.rdns[0]
    return pki.authority(name=str(next(iter(name)).value))


@pytest.fixture(scope="module")
def authority(node: Node) -> Pair:
    path = node.home.places.cluster(node.cluster.spec.name) / "secrets.yaml"
    held = bundle.load(path.read_bytes(), path.name).certs.os
    return pki.load(held.crt, held.key)


def _context(authority: Pair, shown: Pair | None) -> Context:
    crt, key = (shown.pem, shown.key) if shown else (b"", b"")
    return Context(ca=authority.pem, crt=crt, key=key)


@pytest.mark.parametrize("what", WRONG)
def test_who_is_kept_out_is_told_why(node: Node, authority: Pair, tmp_path: Path, what: str) -> None:
    made, alert = WRONG[what]
    context = _context(authority, made(authority))
    assert knock(node.endpoint, context, tmp_path) == Knock("TLS 1.3", "h2", False, f"tls: {alert}")
    old = "handshake failure" if what == "none" else alert  # which TLS 1.2 has no other alert for
    assert knock(node.endpoint, context, tmp_path, newest="1.2") == Knock("", "", False, f"tls: {old}")
    with calling(node.endpoint, context, tmp_path) as caller:
        end = caller.call(VERSION).end
    told = f'connection error: desc = "error reading server preface: remote error: tls: {alert}"'
    assert (end.code, end.error) == ("Unavailable", told)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "ecdsa384", "rsa", "rsa4096"])
def test_any_kind_of_key_will_do(node: Node, authority: Pair, tmp_path: Path, kind: Kind) -> None:
    context = _context(authority, pki.issue(authority, kind=kind, name=ROLE))
    for version in ("1.2", "1.3"):
        assert knock(node.endpoint, context, tmp_path, version) == Knock(f"TLS {version}", "h2", True, "")
    with calling(node.endpoint, context, tmp_path) as caller:
        assert caller.call(VERSION).end.code == "OK"
        refused = caller.call(REBOOT).end
        assert (refused.code, refused.error) == ("PermissionDenied", "not authorized")


@pytest.mark.parametrize("newest", ["1.0", "1.1"])
def test_nothing_older_than_tls_1_2(node: Node, authority: Pair, tmp_path: Path, newest: str) -> None:
    context = _context(authority, pki.issue(authority))
    assert knock(node.endpoint, context, tmp_path, newest) == Knock(
        "", "", False, "tls: protocol version not supported"
    )


@pytest.mark.parametrize("newest", ["1.2", "1.3"])
def test_nothing_but_http_2(node: Node, authority: Pair, tmp_path: Path, newest: str) -> None:
    context = _context(authority, pki.issue(authority))
    for offered in ("http/1.1", "h3,h2c"):
        wanted = Knock("", "", False, "tls: no application protocol")
        assert knock(node.endpoint, context, tmp_path, newest, offered) == wanted
    assert knock(node.endpoint, context, tmp_path, newest, "") == Knock(f"TLS {newest}", "", False, "EOF")
    assert knock(node.endpoint, context, tmp_path, newest, "http/1.1,h2") == Knock(f"TLS {newest}", "h2", True, "")
