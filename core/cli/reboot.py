"""`reboot`: ask, and wait until the node is back as another boot."""

import click

from core.cli import bootid
from core.cli.going import accompanied, going_options, listening, seconds
from core.cli.output import note
from core.cli.target import Node, Nodes, node_options
from core.rpc.pb.machine import machine_pb2 as pb


@click.command(name="reboot")
@click.option("-m", "--mode", type=click.Choice(["default", "powercycle", "force"]), default="default")
@click.option("--drain", is_flag=True, help="not before all that runs on the node has gone elsewhere")
@click.option(
    "--drain-timeout",
    "patience",
    default="5m",
    show_default=True,
    metavar="TIME",
    callback=lambda *given: seconds(given[2]),
    help="how long that may take",
)
@click.option("--progress", type=click.Choice(["auto", "plain"]), default="auto", help="both are lines of text")
@going_options("until the node is back", "30m")
@node_options()
def command(
    mode: str, drain: bool, patience: float, progress: str, wait: bool, debug: bool, timeout: float, nodes: Nodes
) -> int:
    """Reboot the nodes."""
    request, metadata = pb.RebootRequest(mode=mode.upper()), (("ichor-drain", f"{patience:g}"),) if drain else ()

    async def run(node: Node) -> None:
        before = await bootid.read(node)
        async with listening(node, debug):
            answer = await node.unary("machine.MachineService/Reboot", request, pb.RebootResponse, metadata=metadata)
            actor = answer.messages[0].actor_id
            note(f"{node.name}: rebooting, actor {actor}")
            if wait or debug:
                await accompanied(node, actor, bootid.until_back(node, before, timeout))
                note(f"{node.name}: back with a new boot id")

    return nodes.each(run)
