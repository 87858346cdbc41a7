"""`reboot`: ask, and wait until the node is back as another boot."""

import click
from google.protobuf.empty_pb2 import Empty

from core.base.errors import Unsupported
from core.cli import bootid
from core.cli.going import accompanied, going_options, listening
from core.cli.output import note
from core.cli.target import Node, Nodes, node_options
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb


@click.command(name="reboot")
@click.option("-m", "--mode", type=click.Choice(["default", "powercycle", "force"]), default="default")
@click.option("--drain", is_flag=True, help="move what runs on the node elsewhere first")
@click.option("--drain-timeout", default="5m", show_default=True, metavar="TIME", help="how long that may take")
@click.option("--progress", type=click.Choice(["auto", "plain"]), default="auto", help="both are lines of text")
@going_options("until the node is back", "30m")
@node_options()
def command(
    mode: str, drain: bool, drain_timeout: str, progress: str, wait: bool, debug: bool, timeout: float, nodes: Nodes
) -> int:
    """Reboot the nodes."""
    request = pb.RebootRequest(mode=mode.upper())

    async def run(node: Node) -> None:
        if drain:
            await _drain(node)
        before = await bootid.read(node)
        async with listening(node, debug):
            answer = await node.unary("machine.MachineService/Reboot", request, pb.RebootResponse)
            actor = answer.messages[0].actor_id
            note(f"{node.name}: rebooting, actor {actor}")
            if wait or debug:
                await accompanied(node, actor, bootid.until_back(node, before, timeout))
                note(f"{node.name}: back with a new boot id")

    return nodes.each(run)


async def _drain(node: Node) -> None:
    """By the cluster's own API, for which the node gives the access. Raises what the node says where there is none."""
    async for _ in node.stream("machine.MachineService/Kubeconfig", Empty(), common_pb2.Data):
        raise Unsupported(
            "this program does not drain nodes of Kubernetes yet", remedy="use kubectl drain, without --drain"
        )
