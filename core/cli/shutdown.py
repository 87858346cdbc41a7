"""`shutdown`: ask, and wait until the node is gone."""

import click

from core.cli import bootid
from core.cli.going import accompanied, going_options, listening
from core.cli.output import note
from core.cli.target import Node, Nodes, node_options
from core.rpc.pb.machine import machine_pb2 as pb


@click.command(name="shutdown")
@click.option("--force", is_flag=True, help="do not leave Kubernetes first")
@going_options("until the node is gone", "30m")
@node_options()
def command(force: bool, wait: bool, debug: bool, timeout: float, nodes: Nodes) -> int:
    """Power the nodes off."""

    async def run(node: Node) -> None:
        request = pb.ShutdownRequest(force=force)
        async with listening(node, debug):
            answer = await node.unary("machine.MachineService/Shutdown", request, pb.ShutdownResponse)
            actor = answer.messages[0].actor_id
            note(f"{node.name}: shutting down, actor {actor}")
            if wait or debug:
                await accompanied(node, actor, bootid.until_gone(node, timeout))
                note(f"{node.name}: gone")

    return nodes.each(run)
