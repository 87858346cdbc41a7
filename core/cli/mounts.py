"""`mounts`: what is mounted on nodes, and how full it is."""

import click
from google.protobuf.empty_pb2 import Empty

from core.cli.asking import ask, show
from core.cli.output import output_option
from core.cli.target import Nodes, node_options
from core.rpc.pb.machine import machine_pb2 as pb

_COLUMNS = ("filesystem", "size(gb)", "used(gb)", "available(gb)", "percent used", "mounted on")


@click.command(name="mounts")
@node_options()
@output_option("table", "json")
def command(nodes: Nodes, output: str) -> int:
    """List the mounts of the nodes."""
    answers = ask(nodes, "machine.MachineService/Mounts", Empty(), pb.MountsResponse)
    return show(nodes, answers, output, _COLUMNS, lambda message: map(_row, message.stats))


def _row(stat: pb.MountStat) -> tuple[str, ...]:
    used = stat.size - stat.available
    sizes = (f"{size / 1e9:.2f}" for size in (stat.size, used, stat.available))
    return stat.filesystem, *sizes, f"{100 * used / stat.size if stat.size else 0:.2f}%", stat.mounted_on
