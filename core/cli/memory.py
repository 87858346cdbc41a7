"""`memory`: how nodes use theirs."""

import click
from google.protobuf.empty_pb2 import Empty

from core.cli.asking import Answers, ask, show
from core.cli.output import output_option
from core.cli.target import Nodes, node_options
from core.rpc.pb.machine import machine_pb2 as pb

_COLUMNS = ("total", "used", "free", "shared", "buffers", "cache", "available")


@click.command(name="memory")
@click.option("-v", "--verbose", is_flag=True, help="everything that the kernel tells, in KiB")
@node_options(insecure=True)
@output_option("table", "json")
def command(verbose: bool, nodes: Nodes, output: str) -> int:
    """Show the memory of the nodes, in MiB."""
    answers: Answers = ask(nodes, "machine.MachineService/Memory", Empty(), pb.MemoryResponse)
    if verbose and output == "table":
        return show(nodes, answers, output, ("field", "value"), _everything)
    return show(nodes, answers, output, _COLUMNS, _summary)


def _summary(message: pb.Memory) -> list[list[int]]:
    info = message.meminfo
    cache = info.cached + info.sreclaimable
    used = info.memtotal - info.memfree - cache - info.buffers
    kib = (info.memtotal, used, info.memfree, info.shmem, info.buffers, cache, info.memavailable)
    return [[value >> 10 for value in kib]]


def _everything(message: pb.Memory) -> list[tuple[str, int]]:
    return [(field.name, getattr(message.meminfo, field.name)) for field in pb.MemInfo.DESCRIPTOR.fields]
