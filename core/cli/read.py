"""`read`: a file of a node, as it is."""

import click

from core.cli.streams import copy
from core.cli.target import Node, Nodes, node_options
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb


@click.command(name="read")
@click.argument("path")
@node_options()
def command(path: str, nodes: Nodes) -> int:
    """Write the file PATH of the nodes to standard output."""
    request = pb.ReadRequest(path=path)

    async def show(node: Node) -> None:
        await copy(node.name, True, node.stream("machine.MachineService/Read", request, common_pb2.Data))

    return nodes.each(show)
