"""`logs`: what a service or a container wrote."""

import click

from core.cli import lasting
from core.cli.streams import copy
from core.cli.target import Node, Nodes, node_options
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb


@click.command(name="logs")
@click.argument("name")
@click.option("-f", "--follow", is_flag=True, help="keep going")
@click.option("--tail", default=-1, show_default="all", metavar="LINES", help="only the last lines")
@click.option("-k", "--kubernetes", is_flag=True, help="NAME is a container of Kubernetes")
@node_options(insecure=True)
def command(name: str, follow: bool, tail: int, kubernetes: bool, nodes: Nodes) -> int:
    """Show the log of the service NAME."""
    request = pb.LogsRequest(
        namespace="k8s.io" if kubernetes else "system",
        id=name,
        driver=common_pb2.ContainerDriver.CRI if kubernetes else common_pb2.ContainerDriver.CONTAINERD,
        follow=follow,
        tail_lines=tail,
    )

    async def show(node: Node) -> None:
        pieces = (
            lasting.logs(node, request)
            if follow
            else node.stream("machine.MachineService/Logs", request, common_pb2.Data)
        )
        await copy(node.name, len(nodes.names) == 1, pieces)

    return nodes.each(show)
