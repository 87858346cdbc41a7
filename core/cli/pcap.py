"""`pcap`: the packets of a node's link, as a capture file."""

import asyncio
import re
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

import click

from core.base.errors import Invalid
from core.base.units import parse_duration
from core.cli.target import Node, Nodes, node_options
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb

_STEP = re.compile(r"\{\s*(0x[0-9a-f]+),\s*(\d+),\s*(\d+),\s*(0x[0-9a-f]+)\s*\},?\s*", re.IGNORECASE)


@click.command(name="pcap")
@click.option("-i", "--interface", default="eth0", show_default=True, metavar="LINK")
@click.option("--bpf-filter", default="", metavar="PROGRAM", help='what `tcpdump -dd -y EN10MB "port 53"` prints')
@click.option("--promiscuous", is_flag=True, help="also what is for others")
@click.option("-s", "--snaplen", default=0, metavar="BYTES", help="keep so much of each packet  [default: 4096]")
@click.option("--duration", default="", metavar="TIME", help="capture for this time (30s)")
@click.option("-o", "--output", default="-", metavar="FILE", help="where to write  [default: standard output]")
@node_options()
def command(
    interface: str, bpf_filter: str, promiscuous: bool, snaplen: int, duration: str, output: str, nodes: Nodes
) -> int:
    """Capture packets of the node as a pcap file: `ichorctl pcap | tcpdump -r -`."""
    if len(nodes.names) != 1:
        raise Invalid("packets are captured from one node at a time", remedy="name it with --nodes")
    if output == "-" and sys.stdout.isatty():
        raise Invalid("a capture is no text", remedy="give --output FILE, or pipe it into `tcpdump -r -`")
    request = pb.PacketCaptureRequest(
        interface=interface, promiscuous=promiscuous, snap_len=snaplen, bpf_filter=program(bpf_filter)
    )
    seconds = parse_duration(duration) if duration else None

    with ExitStack() as stack:
        out = sys.stdout.buffer if output == "-" else stack.enter_context(Path(output).open("wb"))

        async def capture(node: Node) -> None:
            with suppress(TimeoutError):
                async with asyncio.timeout(None) as limit:
                    async for data in node.stream("machine.MachineService/PacketCapture", request, common_pb2.Data):
                        out.write(data.bytes)
                        out.flush()
                        if seconds is not None and limit.when() is None:  # it has begun
                            limit.reschedule(asyncio.get_running_loop().time() + seconds)

        return nodes.each(capture)


def program(text: str) -> list[pb.BPFInstruction]:
    """The instructions in what tcpdump -dd prints. Raises Invalid."""
    found, end = [], 0
    for step in _STEP.finditer(text.strip()):
        if step.start() != end:
            break
        op, jt, jf, k = (int(number, 0) for number in step.groups())
        found.append(pb.BPFInstruction(op=op, jt=jt, jf=jf, k=k))
        end = step.end()
    if end != len(text.strip()):
        raise Invalid("this is no BPF program", remedy="give what `tcpdump -dd -y EN10MB EXPRESSION` prints")
    return found
