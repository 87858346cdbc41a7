"""PacketCapture: the packets of a link as a pcap file that goes on until its reader leaves. The filter is a program
that the client compiled; the kernel runs it. A slow reader loses packets, never the node memory."""

import errno
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Final

from core.base.errors import Invalid, NotFound
from core.codec import pcap
from core.linux import capture
from core.linux.capture import Capture
from core.linux.network import readable
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.service import Method, server_stream

SNAP: Final = 4096  # bytes of a packet that are kept when the client does not say
LONGEST: Final = 256 << 10  # of a packet, with segments put together
PIECE: Final = 64 << 10


def methods() -> dict[str, Method]:
    """What is served from here."""
    return {"PacketCapture": server_stream(packets, pb.PacketCaptureRequest, common_pb2.Data)}


async def packets(ctx: Any, request: pb.PacketCaptureRequest) -> AsyncIterator[common_pb2.Data]:
    """The file's header at once, then packets as they come, those that came together in one message."""
    snap = min(request.snap_len or SNAP, LONGEST)
    with _opened(request, snap) as heard:
        yield common_pb2.Data(bytes=pcap.header(snap, _link(heard.hardware, request.interface)))
        async with aclosing(readable(heard.fileno())) as ready:
            async for _ in ready:
                try:
                    found = heard.packets(PIECE)
                except OSError as error:
                    if error.errno != errno.ENETDOWN:
                        raise
                    found = []  # the link went down, and may come up again
                if found:
                    yield common_pb2.Data(bytes=b"".join(pcap.packet(*packet) for packet in found))


def _opened(request: pb.PacketCaptureRequest, snap: int) -> Capture:
    program = [(step.op, step.jt, step.jf, step.k) for step in request.bpf_filter]
    if len(program) > capture.INSTRUCTIONS or any(op > 0xFFFF or jt > 0xFF or jf > 0xFF for op, jt, jf, _ in program):
        raise Invalid("the filter is no program that a kernel takes")
    try:
        return Capture(request.interface, snap, program, promiscuous=request.promiscuous)
    except OSError as error:
        if program and error.errno == errno.EINVAL:
            raise Invalid("the kernel does not take the filter's program") from None
        if error.errno in (errno.ENODEV, errno.ENXIO):
            raise NotFound(f"there is no link {request.interface!r}", remedy="list them: get links") from None
        raise


def _link(hardware: int, name: str) -> int:
    """pcap's number for a link's kind. Raises Invalid for one whose frames we do not know."""
    if hardware in capture.ETHERNET:
        return pcap.ETHERNET
    if hardware in capture.RAW:
        return pcap.RAW_IP
    raise Invalid(f"{name} is of a kind ({hardware}) whose packets cannot be captured")
