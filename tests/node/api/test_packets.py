"""PacketCapture over a socket, with programs that tcpdump compiles, read by tcpdump."""

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.codec import pcap
from core.node.api.machine import packets
from core.rpc.call import Call
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.status import Code, RpcError
from tests.node.api.calls import calling
from tests.support.clock import on_loop

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="packet sockets need root")


async def compiled(expression: str) -> list[pb.BPFInstruction]:
    """What a client sends for a filter in tcpdump's words."""
    run = await asyncio.to_thread(
        subprocess.run, ["tcpdump", "-ddd", "-i", "lo", expression], capture_output=True, text=True, check=True
    )
    rows = [map(int, line.split()) for line in run.stdout.splitlines()[1:]]
    return [pb.BPFInstruction(op=op, jt=jt, jf=jf, k=k) for op, jt, jf, k in rows]


async def read(capture: bytes, *options: str) -> list[str]:
    """tcpdump's words for a capture."""
    run = await asyncio.to_thread(
        subprocess.run, ["tcpdump", "-nn", "-r", "-", *options], input=capture, capture_output=True, check=True
    )
    return run.stdout.decode().splitlines()


async def until(call: Call[bytes, common_pb2.Data], size: int) -> AsyncIterator[bytes]:
    """Messages, until they hold so many bytes."""
    while size > 0:
        piece = (await anext(call)).bytes
        size -= len(piece)
        yield piece


@on_loop
async def test_the_clients_program_chooses_and_tcpdump_reads_it() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver, socket.socket(type=socket.SOCK_DGRAM) as sender:
        receiver.bind(("127.0.0.1", 0))
        address = receiver.getsockname()
        wanted = await compiled(f"udp dst port {address[1]} and greater 50")
        request = pb.PacketCaptureRequest(interface="lo", snap_len=60, bpf_filter=wanted, promiscuous=True)
        async with (
            calling(packets.methods()) as caller,
            caller.stream("PacketCapture", common_pb2.Data, request) as call,
        ):
            head = (await anext(call)).bytes
            assert head == pcap.header(60, pcap.ETHERNET)
            before = time.time()
            for text in (b"short", b"a" * 30, b"b" * 1000):
                sender.sendto(text, address)
            got = b"".join([piece async for piece in until(call, 2 * (16 + 60))])
            after = time.time()
    assert len(got) == 2 * (16 + 60)
    lines = await read(head + got, "-tt")
    assert [line.split(" ", 1)[1] for line in lines] == [
        f"IP 127.0.0.1.{sender_port} > 127.0.0.1.{address[1]}: UDP, length {length}"
        for length in (30, 1000)
        for sender_port in (lines[0].split()[2].rpartition(".")[2],)
    ]
    stamps = [float(line.split()[0]) for line in lines]
    assert before - 0.001 <= stamps[0] <= stamps[1] <= after


def captures() -> int:
    """The packet sockets of this process."""
    held = [entry.readlink().name for entry in Path("/proc/self/fd").iterdir() if entry.is_socket()]
    rows = (line.split() for line in Path("/proc/net/packet").read_text().splitlines())
    return sum(f"socket:[{row[-1]}]" in held for row in rows)


@on_loop
async def test_who_leaves_ends_it() -> None:
    async with calling(packets.methods()) as caller:
        request = pb.PacketCaptureRequest(interface="lo", bpf_filter=await compiled("udp port 1"))
        async with caller.stream("PacketCapture", common_pb2.Data, request) as call:
            assert (await anext(call)).bytes == pcap.header(packets.SNAP, pcap.ETHERNET)
            assert captures() == 1
        async with asyncio.timeout(20):
            while captures():  # noqa: ASYNC110 - the kernel rings no bell
                await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (pb.PacketCaptureRequest(interface="nowhere0"), Code.NOT_FOUND),
        (pb.PacketCaptureRequest(interface="l\0o"), Code.NOT_FOUND),
        (pb.PacketCaptureRequest(interface="lo", bpf_filter=[pb.BPFInstruction(op=0xFFFF)]), Code.INVALID_ARGUMENT),
        (pb.PacketCaptureRequest(interface="lo", bpf_filter=[pb.BPFInstruction(op=1 << 20)]), Code.INVALID_ARGUMENT),
        (pb.PacketCaptureRequest(interface="lo", bpf_filter=[pb.BPFInstruction(op=6)] * 4097), Code.INVALID_ARGUMENT),
    ],
)
@on_loop
async def test_what_cannot_be_captured(request_: pb.PacketCaptureRequest, code: Code) -> None:
    async with calling(packets.methods()) as caller:
        with pytest.raises(RpcError) as caught:
            await anext(caller.stream("PacketCapture", common_pb2.Data, request_))
    assert caught.value.code is code


def test_kinds_of_links() -> None:
    assert (packets._link(1, "eth0"), packets._link(772, "lo"), packets._link(65534, "wg0")) == (1, 1, 101)
    with pytest.raises(Exception, match="can0"):
        packets._link(280, "can0")
