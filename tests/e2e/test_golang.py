"""The client that users have, grpc-go, at a node's door: kinds of calls, limits, deadlines, giving up; and who is kept
out by the handshake, whatever the key."""

import base64
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from core.config import bundle, client
from core.pki import issue, keys
from core.pki.types import Algorithm, Authority, Client, Issued, Pair, Server
from tests.support.caller import Caller, calling
from tests.support.cluster import Node

MACHINE = "machine.MachineService/"
LIMIT = 32 << 20
FRAME = 5  # bytes that tag and length of such a field take
As = Callable[[Issued | None], AbstractContextManager[Caller]]


@pytest.fixture
def caller(node: Node, tmp_path: Path) -> Iterator[Caller]:
    """With the certificate that the cluster's maker got."""
    context = client.load(node.home.client_file.read_bytes(), "talosconfig").get()
    with calling(node.endpoint, context, tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def authority(node: Node) -> Pair:
    path = node.home.places.cluster(node.cluster.spec.name) / "secrets.yaml"
    held = bundle.load(path.read_bytes(), path.name).certs.os
    return Pair(held.crt, held.key)


@pytest.fixture
def showing(node: Node, authority: Pair, tmp_path: Path) -> As:
    """A client that shows this certificate, or none."""

    def begin(shown: Issued | None) -> AbstractContextManager[Caller]:
        crt, key = (shown.crt, shown.key) if shown else (b"", b"")
        return calling(node.endpoint, client.Context(ca=authority.crt, crt=crt, key=key), tmp_path)

    return begin


def test_a_stock_config_is_enough(caller: Caller) -> None:
    answer = caller.call(MACHINE + "Version")
    assert answer.only["messages"][0]["version"]["tag"].startswith("v1.")
    assert answer.end.header["content-type"] == ["application/grpc"]


@pytest.mark.parametrize("own", ["node", "nodes"])
def test_a_node_named_in_metadata(caller: Caller, node: Node, own: str) -> None:
    (message,) = caller.call(MACHINE + "Version", metadata=[(own, node.address)]).only["messages"]
    assert message.get("metadata", {}).get("hostname") == (node.address if own == "nodes" else None)
    refused = caller.call("cosi.resource.State/Get", metadata=[("nodes", node.address)])
    assert refused.end.code == "InvalidArgument"
    assert caller.call(MACHINE + "Version", metadata=[("node", "a:1")]).end.code == "Internal"
    both = caller.call(MACHINE + "Version", metadata=[("node", node.address), ("node", node.address)])
    assert (both.end.code, both.end.error) == ("InvalidArgument", "node metadata must be single-valued")


def test_a_stream_is_followed_until_it_is_given_up(caller: Caller) -> None:
    following = caller.open(
        MACHINE + "Logs", {"namespace": "system", "id": "machined", "follow": True, "tail_lines": -1}
    )
    assert following.next()
    following.cancel()
    assert following.rest().end.code == "Canceled"
    late = caller.call(MACHINE + "Events", {"tail_events": -1}, timeout=0.5)
    assert late.end.code == "DeadlineExceeded"
    assert late.messages
    assert caller.call(MACHINE + "Version").end.code == "OK"


def test_a_file_arrives_whole(caller: Caller, node: Node) -> None:
    pieces = caller.call(MACHINE + "Read", {"path": "/etc/ssl/certs/ca-certificates.crt"}).messages
    data = b"".join(base64.b64decode(piece["bytes"]) for piece in pieces)
    assert data == (node.root / "etc/ssl/certs/ca-certificates.crt").read_bytes()


def test_a_message_has_at_most_32_mib(caller: Caller) -> None:
    apply = MACHINE + "ApplyConfiguration"
    assert caller.call(apply, fill=LIMIT - FRAME).end.code == "Unimplemented"  # it was read: mode REBOOT
    assert caller.call(apply, fill=LIMIT - FRAME + 1).end.code == "ResourceExhausted"
    assert caller.call(MACHINE + "Version").end.code == "OK"


def test_a_large_config_is_taken(caller: Caller, node: Node) -> None:
    config = (node.home.places.cluster(node.cluster.spec.name) / "controlplane.yaml").read_bytes()
    large = config + (b"# " + b"x" * 1017 + b"\n") * 11_000  # 10.7 MiB in all
    request = {"data": base64.b64encode(large).decode(), "mode": "AUTO", "dry_run": True}
    (said,) = caller.call(MACHINE + "ApplyConfiguration", request).only["messages"]
    assert "Dry run summary" in said["mode_details"]


def test_who_is_kept_out(showing: As, authority: Pair) -> None:
    """Why is for an alert to say, which a client may miss that is writing when the door closes."""
    now, admin = time.time(), ("os:admin",)
    other = issue.authority(Authority(now, Algorithm.ED25519, "talos"))
    for shown in (
        None,
        issue.client(Client(now, other, admin)),
        issue.client(Client(now - 7200, authority, admin, lifetime=3600)),
        issue.client(Client(now + 7200, authority, admin)),
        issue.server(Server(now, authority, "os:admin")),
    ):
        with showing(shown) as caller:
            assert caller.call(MACHINE + "Version").end.code == "Unavailable"
    with showing(issue.client(Client(now, authority, admin))) as caller:
        assert caller.call(MACHINE + "Version").end.code == "OK"


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_any_kind_of_key_will_do(showing: As, authority: Pair, kind: str) -> None:
    key: keys.Key = keys.new(Algorithm.ED25519)
    if kind != "ed25519":
        key = ec.generate_private_key(ec.SECP256R1()) if kind == "ecdsa" else rsa.generate_private_key(65537, 2048)
    name = issue.name("somebody", ("os:reader",))
    signed = issue.Signer(authority).sign(
        key.public_key(), name, ExtendedKeyUsageOID.CLIENT_AUTH, (), time.time(), 3600
    )
    with showing(Issued(signed.crt, keys.dump(key), signed.ca, signed.not_after)) as caller:
        assert caller.call(MACHINE + "Version").end.code == "OK"
        assert caller.call(MACHINE + "Reboot").end.code == "PermissionDenied"


def test_no_other_protocol_is_spoken(node: Node, authority: Pair) -> None:
    context = ssl.create_default_context(cadata=authority.crt.decode())
    context.set_alpn_protocols(["http/1.1"])
    with (
        socket.create_connection((node.address, 50000)) as sock,
        pytest.raises(ssl.SSLError, match="no application protocol"),
    ):
        context.wrap_socket(sock, server_hostname=node.address)
