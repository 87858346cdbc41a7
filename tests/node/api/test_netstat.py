"""Netstat over a socket, beside what ss says of the same sockets."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from core.node.api.machine import netstat
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.status import Code, RpcError
from tests.node.api.calls import calling
from tests.support.clock import on_loop

L4 = pb.NetstatRequest.L4proto
EVERYTHING = L4(tcp=True, tcp6=True, udp=True, udp6=True, udplite=True, udplite6=True, raw=True, raw6=True)
STATES = {"LISTEN": "LISTEN", "ESTAB": "ESTABLISHED", "UNCONN": "CLOSE"}
Row = tuple[str, str, int, str, int, str, int]


@pytest.fixture
def sockets() -> Iterator[int]:
    """A listener and a connection on each family, two kinds of UDP and a raw socket; the listener's port."""
    with ExitStack() as stack:

        def bound(family: int, kind: int, address: str, protocol: int = 0) -> socket.socket:
            made = stack.enter_context(socket.socket(family, kind, protocol))
            made.bind((address, 0))
            return made

        listener = bound(socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1")
        listener.listen(7)
        port: int = listener.getsockname()[1]
        client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        accepted, _ = listener.accept()
        stack.enter_context(accepted)
        client.send(b"12345")  # unread: it is in the other's queue
        six = bound(socket.AF_INET6, socket.SOCK_STREAM, "::1")
        six.listen()
        bound(socket.AF_INET, socket.SOCK_DGRAM, "0.0.0.0")
        bound(socket.AF_INET6, socket.SOCK_DGRAM, "::1").connect(("::1", six.getsockname()[1]))
        bound(socket.AF_INET, socket.SOCK_RAW, "127.0.0.1", socket.IPPROTO_ICMP)
        yield port


def ss() -> set[Row]:
    """What ss says of this process's sockets; its rows of TCP carry an inode, which makes them ours or not."""
    said = subprocess.run(["ss", "-tuanHeO"], capture_output=True, text=True, check=True).stdout
    rows = set()
    for line in said.splitlines():
        kind, state, _, _, local, remote, *more = line.split()
        inode = next((int(word[4:]) for word in more if word.startswith("ino:")), 0)
        ends = [end.rpartition(":") for end in (local, remote)]
        hosts = [host.strip("[]").split("%")[0] for host, _, _ in ends]
        ports = [int(port) if port != "*" else 0 for _, _, port in ends]
        rows.add((kind, hosts[0], ports[0], hosts[1], ports[1], STATES.get(state, state), inode))
    return rows


def seen(records: list[pb.ConnectRecord]) -> set[Row]:
    return {
        (
            record.l4proto.removesuffix("6"),
            record.localip,
            record.localport,
            record.remoteip,
            record.remoteport,
            pb.ConnectRecord.State.Name(record.state),
            record.inode,
        )
        for record in records
    }


async def asked(request: pb.NetstatRequest) -> list[pb.ConnectRecord]:
    async with calling(netstat.methods()) as caller:
        (message,) = (await caller.one("Netstat", pb.NetstatResponse, request)).messages
    return list(message.connectrecord)


@on_loop
async def test_it_sees_what_ss_sees(sockets: int) -> None:
    found = await asked(pb.NetstatRequest(l4proto=EVERYTHING, feature=pb.NetstatRequest.Feature(pid=True)))
    mine = [record for record in found if record.process.pid == os.getpid()]
    assert {(r.l4proto, pb.ConnectRecord.State.Name(r.state)) for r in mine} == {
        ("tcp", "LISTEN"),
        ("tcp", "ESTABLISHED"),
        ("tcp6", "LISTEN"),
        ("udp", "CLOSE"),
        ("udp6", "ESTABLISHED"),
        ("raw", "CLOSE"),
    }
    rows = {row for row in seen(mine) if row[0] != "raw"}
    assert rows <= ss()
    assert {record.rxqueue for record in mine if record.localport == sockets} == {0, 5}
    (name,) = {record.process.name for record in mine}
    assert name == Path("/proc/self/comm").read_text().rstrip()
    assert all(record.uid == os.getuid() and record.pointer >= 0 for record in mine)


@on_loop
async def test_filters_and_protocols(sockets: int) -> None:
    listening = await asked(pb.NetstatRequest(l4proto=L4(tcp=True), filter=pb.NetstatRequest.LISTENING))
    assert sockets in {record.localport for record in listening}
    assert {record.remoteport for record in listening} == {0}
    connected = await asked(pb.NetstatRequest(l4proto=L4(tcp=True), filter=pb.NetstatRequest.CONNECTED))
    assert {("127.0.0.1", sockets)} <= {(record.remoteip, record.remoteport) for record in connected}
    assert {record.l4proto for record in connected} == {"tcp"}
    assert await asked(pb.NetstatRequest()) == []


def test_addresses_of_both_families() -> None:
    assert netstat._end("0100007F:1F90") == ("127.0.0.1", 8080)
    assert netstat._end("B80D01200000000067452301EFCDAB89:0001") == ("2001:db8::123:4567:89ab:cdef", 1)


@on_loop
async def test_there_are_no_pods_to_ask() -> None:
    with pytest.raises(RpcError) as caught:
        await asked(pb.NetstatRequest(netns=pb.NetstatRequest.NetNS(netns=["cni-1"]), l4proto=EVERYTHING))
    assert caught.value.code is Code.UNIMPLEMENTED
