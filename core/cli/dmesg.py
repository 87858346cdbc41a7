"""`dmesg`: the kernel's log."""

import click

from core.cli.streams import copy
from core.cli.target import Node, Nodes, node_options
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb


@click.command(name="dmesg")
@click.option("-f", "--follow", is_flag=True, help="keep going")
@click.option("--tail", is_flag=True, help="with --follow: only what is new")
@node_options(insecure=True)
def command(follow: bool, tail: bool, nodes: Nodes) -> int:
    """Show the kernel's log."""
    request = pb.DmesgRequest(follow=follow, tail=tail)

    async def show(node: Node) -> None:
        await copy(
            node.name, len(nodes.names) == 1, node.stream("machine.MachineService/Dmesg", request, common_pb2.Data)
        )

    return nodes.each(show)
