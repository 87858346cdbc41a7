"""`reboot`: ask, and wait until the node is back as another boot."""

import click

from core.cli import bootid
from core.cli.output import note
from core.cli.target import Node, Nodes, node_options
from core.rpc.pb.machine import machine_pb2 as pb


@click.command(name="reboot")
@click.option("-m", "--mode", type=click.Choice(["default", "powercycle", "force"]), default="default")
@click.option("--wait/--no-wait", default=True, help="until the node is back")
@click.option("--timeout", default=300.0, show_default=True, metavar="SECONDS")
@node_options()
def command(mode: str, wait: bool, timeout: float, nodes: Nodes) -> int:
    """Reboot the nodes."""
    request = pb.RebootRequest(mode=mode.upper())

    async def run(node: Node) -> None:
        before = await bootid.read(node)
        answer = await node.unary("machine.MachineService/Reboot", request, pb.RebootResponse)
        note(f"{node.name}: rebooting, actor {answer.messages[0].actor_id}")
        if wait:
            await bootid.until_back(node, before, timeout)
            note(f"{node.name}: back with a new boot id")

    return nodes.each(run)
