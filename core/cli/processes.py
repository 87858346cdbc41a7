"""`processes`: what runs on nodes."""

import click
from google.protobuf.empty_pb2 import Empty

from core.base.units import format_size
from core.cli.asking import ask, show
from core.cli.output import output_option
from core.cli.target import Nodes, node_options
from core.rpc.pb.machine import machine_pb2 as pb

_COLUMNS = ("pid", "state", "threads", "cpu-time", "virtmem", "resmem", "label", "command")


@click.command(name="processes")
@click.option("-s", "--sort", type=click.Choice(("rss", "cpu")), default="rss", show_default=True, help="largest first")
@node_options()
@output_option("table", "json")
def command(sort: str, nodes: Nodes, output: str) -> int:
    """List the processes of the nodes."""
    answers = ask(nodes, "machine.MachineService/Processes", Empty(), pb.ProcessesResponse)

    def size(info: pb.ProcessInfo) -> float:
        return info.resident_memory if sort == "rss" else info.cpu_time

    def rows(message: pb.Process) -> list[tuple[object, ...]]:
        return [_row(info) for info in sorted(message.processes, key=size, reverse=True)]

    return show(nodes, answers, output, _COLUMNS, rows)


def _row(info: pb.ProcessInfo) -> tuple[object, ...]:
    memory = (format_size(info.virtual_memory), format_size(info.resident_memory))
    said = info.args or info.executable or f"[{info.command}]"
    return info.pid, info.state, info.threads, f"{info.cpu_time:.2f}", *memory, info.label, said
