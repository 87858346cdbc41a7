"""`reset`: have nodes leave their cluster and forget it, then power off or come back as new ones."""

from typing import Final

import click

from core.cli import bootid, files
from core.cli.going import accompanied, going_options, listening
from core.cli.output import note
from core.cli.target import Node, Nodes, node_options
from core.rpc.pb.machine import machine_pb2 as pb

MODES: Final = {
    "all": pb.ResetRequest.ALL,
    "system-disk": pb.ResetRequest.SYSTEM_DISK,
    "user-disks": pb.ResetRequest.USER_DISKS,
}


@click.command(name="reset")
@click.option(
    "--graceful/--no-graceful",
    default=True,
    show_default=True,
    help="close and drain the node, and leave etcd, which is refused where the others would be no majority",
)
@click.option("--reboot", is_flag=True, help="reboot afterwards instead of powering off")
@click.option("--system-labels-to-wipe", "labels", multiple=True, metavar="LABEL", help="STATE, EPHEMERAL, META alone")
@click.option("--user-disks-to-wipe", "disks", multiple=True, metavar="PATH", help="these disks too, whole")
@click.option("--wipe-mode", "mode", type=click.Choice(tuple(MODES)), default="all", show_default=True)
@going_options("until the node is gone, or back if it keeps its config", "30m")
@node_options()
def command(
    graceful: bool,
    reboot: bool,
    labels: tuple[str, ...],
    disks: tuple[str, ...],
    mode: str,
    wait: bool,
    debug: bool,
    timeout: float,
    nodes: Nodes,
) -> int:
    """Wipe the nodes: all that they keep, unless something less is named."""
    wanted = files.split(labels)
    request = pb.ResetRequest(
        graceful=graceful,
        reboot=reboot,
        system_partitions_to_wipe=[pb.ResetPartitionSpec(label=label, wipe=True) for label in wanted],
        user_disks_to_wipe=files.split(disks),
        mode=MODES[mode],
    )
    known_again = reboot and (mode == "user-disks" or bool(wanted and "STATE" not in wanted))

    async def run(node: Node) -> None:
        before = await bootid.read(node)
        async with listening(node, debug):
            answer = await node.unary("machine.MachineService/Reset", request, pb.ResetResponse)
            actor = answer.messages[0].actor_id
            note(f"{node.name}: resetting, actor {actor}")
            if wait or debug:
                end = bootid.until_back(node, before, timeout) if known_again else bootid.until_gone(node, timeout)
                await accompanied(node, actor, end)
                note(f"{node.name}: {_ended(reboot, known_again)}")

    return nodes.each(run)


def _ended(reboot: bool, known_again: bool) -> str:
    if known_again:
        return "back with a new boot id"
    return "wiped; it comes back without a config" if reboot else "wiped and gone"
