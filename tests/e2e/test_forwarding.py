"""Three nodes, one front door: what is for the others reaches them, also when one is gone and one no longer moves."""

import base64
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import ip_interface
from pathlib import Path

import pytest
from google.protobuf.empty_pb2 import Empty

from core.rpc.client import Channel
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.status import Code
from tests.support import cluster
from tests.support.caller import calling
from tests.support.cluster import Node, documents

CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
VERSION, EVENTS = "/machine.MachineService/Version", "/machine.MachineService/Events"


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Node]]:
    with cluster.running(tmp_path_factory.mktemp("three"), "three", nodes=3) as made:
        yield made


def _through(door: Node, *nodes: Node) -> tuple[str, ...]:
    return "--endpoints", door.endpoint, "--nodes", ",".join(node.address for node in nodes)


def _metadata(*nodes: Node) -> list[tuple[str, str]]:
    return [("nodes", node.address) for node in nodes]


def test_one_door_leads_to_all(nodes: list[Node]) -> None:
    home, door = nodes[0].home, nodes[0]
    said = documents(home.ichorctl("version", "-o", "json", *_through(door, *nodes)).out)
    assert [one["node"] for one in said["nodes"]] == [node.address for node in nodes]
    for node in nodes:
        (row,) = documents(home.ichorctl("get", "hostname", "-o", "json", *_through(door, node)).out)
        assert row["spec"]["hostname"] == node.name
        assert home.ichorctl("read", "/etc/hostname", *_through(door, node)).out.strip() == node.name

    async def old_style(channel: Channel) -> list[str]:
        reply = await channel.unary(VERSION, Empty(), pb.VersionResponse, _metadata(*nodes))
        assert all(message.version.tag for message in reply.messages)
        return [message.metadata.hostname for message in reply.messages]

    assert door.call(old_style) == [node.address for node in nodes]


def test_grpc_go_through_another_nodes_door(nodes: list[Node], tmp_path: Path) -> None:
    door, other, _ = nodes
    to = [("node", other.address)]
    with calling(door.endpoint, door.context(), tmp_path) as caller:
        (name,) = caller.call("machine.MachineService/Hostname", metadata=to).only["messages"]
        assert name == {"hostname": other.name}
        pieces = caller.call("machine.MachineService/Read", {"path": CERTIFICATES}, metadata=to).messages
        data = b"".join(base64.b64decode(piece["bytes"]) for piece in pieces)
        assert data == (other.root / CERTIFICATES[1:]).read_bytes()
        wanted = {"namespace": "system", "id": "machined", "follow": True, "tail_lines": -1}
        following = caller.open("machine.MachineService/Logs", wanted, metadata=to)
        assert following.next()
        following.cancel()
        assert following.rest().end.code == "Canceled"
        late = caller.call("machine.MachineService/Events", metadata=to, timeout=0.5)
        assert late.end.code == "DeadlineExceeded"
        refused = caller.call("machine.MachineService/Read", {"path": "relative"}, metadata=to).end
        assert refused.code == "InvalidArgument"


def test_grpc_go_hears_the_living_first_and_of_the_others_what_ails_them(nodes: list[Node], tmp_path: Path) -> None:
    door, other, stuck = nodes
    dead = str(ip_interface(f"{door.address}/24").network[254])  # nobody has it, which takes seconds to find out
    to = [("nodes", address) for address in (dead, stuck.address, other.address)]
    away = {"code": 14, "message": f"cannot connect to {dead}:50000: No route to host"}
    late = {"code": 4, "message": "deadline exceeded"}
    gone = {"metadata": {"hostname": dead, "error": away["message"], "status": away}}
    with calling(door.endpoint, door.context(), tmp_path) as caller, ExitStack() as stack:
        assert len(caller.call(VERSION[1:], metadata=to[1:]).only["messages"]) == 2  # connected, before one is stuck
        machined = os.pidfd_open(stuck.pid("ichor-machined"))
        stack.callback(os.close, machined)
        signal.pidfd_send_signal(machined, signal.SIGSTOP)
        stack.callback(signal.pidfd_send_signal, machined, signal.SIGCONT)
        events = caller.open(EVENTS[1:], metadata=to)
        hello = events.next() or {}
        assert hello == {"metadata": {"hostname": other.address}, "data": {}, "id": hello["id"]}
        assert events.next() == gone
        answer = caller.call(VERSION[1:], metadata=to, timeout=1)
        *ailing, version = answer.only["messages"]
        slow = {"hostname": stuck.address, "error": late["message"], "status": late}
        assert ailing == [gone, {"metadata": slow}]
        assert (version["metadata"], version["platform"]["name"]) == ({"hostname": other.address}, "container")
        alone = caller.call(VERSION[1:], metadata=[("node", dead)])
        assert (alone.end.code, alone.end.error) == ("Unavailable", away["message"])
        waited = caller.call(VERSION[1:], metadata=[("node", stuck.address)], timeout=0.5)
        assert waited.end.code == "DeadlineExceeded"
        events.cancel()
        assert events.rest().end.code == "Canceled"


@pytest.mark.slow
def test_who_is_gone_or_stuck_does_not_keep_the_others_from_answering(nodes: list[Node]) -> None:
    door, gone, stuck = nodes
    gone.ichorctl("shutdown")
    gone.await_end()
    machined = stuck.pid("ichor-machined")
    os.kill(machined, signal.SIGSTOP)
    try:
        both = door.home.ichorctl("version", *_through(door, door, gone), code=1)
        assert f"Node:        {door.address}" in both.out
        assert f"error: {gone.address}: cannot connect" in both.err
        assert door.call(lambda channel: _everybody(channel, nodes)) == {
            door.address: Code.OK,
            gone.address: Code.UNAVAILABLE,
            stuck.address: Code.DEADLINE_EXCEEDED,
        }
        assert door.call(lambda channel: _first_events(channel, nodes)) == {door.address, gone.address}
    finally:
        os.kill(machined, signal.SIGCONT)
    assert door.home.ichorctl("version", *_through(door, stuck)).code == 0


async def _everybody(channel: Channel, nodes: list[Node]) -> dict[str, Code]:
    reply = await channel.unary(VERSION, Empty(), pb.VersionResponse, _metadata(*nodes), timeout=10)
    return {message.metadata.hostname: Code(message.metadata.status.code) for message in reply.messages}


async def _first_events(channel: Channel, nodes: list[Node]) -> set[str]:
    """Who says something in a stream for all, while one of them never will."""
    call = channel.server_stream(EVENTS, pb.EventsRequest(), pb.Event, _metadata(*nodes))
    async with call:
        return {(await anext(call)).metadata.hostname for _ in range(2)}
