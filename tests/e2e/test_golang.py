"""The client that users have, grpc-go, at a node's door: metadata, streams, deadlines, giving up."""

import base64

import pytest

from tests.support.caller import Caller
from tests.support.cluster import Node

MACHINE = "machine.MachineService/"


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
