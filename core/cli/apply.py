"""`apply-config`: check a machine config here, then send it."""

import click
from google.protobuf.duration_pb2 import Duration

from core.base.units import parse_duration
from core.cli import files
from core.cli.output import note
from core.cli.target import Node, Nodes, node_options
from core.config.load import load, read
from core.config.merge import merge_text
from core.rpc.pb.machine import machine_pb2 as pb

_MODES = {"auto": "AUTO", "no-reboot": "NO_REBOOT", "staged": "STAGED", "try": "TRY"}


@click.command(name="apply-config")
@click.option("-f", "--file", "path", required=True, metavar="FILE", help="the machine config, - for stdin")
@click.option("-p", "--config-patch", "patches", multiple=True, metavar="PATCH", help="inline or @FILE")
@click.option("-m", "--mode", type=click.Choice(list(_MODES)), default="auto", show_default=True)
@click.option("--dry-run", is_flag=True, help="only say what would change")
@click.option("--timeout", default="1m", show_default=True, metavar="TIME", help="of mode try: when it reverts")
@node_options(insecure=True)
def command(path: str, patches: tuple[str, ...], mode: str, dry_run: bool, timeout: str, nodes: Nodes) -> int:
    """Apply a machine config to the nodes."""
    config = read(files.read(path), path)
    for patch in patches:
        config = read(merge_text(config, *files.patch(patch)), path)
    data = load(config.text, path).text
    request = pb.ApplyConfigurationRequest(
        data=data,
        mode=_MODES[mode],
        dry_run=dry_run,
        try_mode_timeout=Duration(seconds=int(parse_duration(timeout))),
    )

    async def run(node: Node) -> None:
        answer = await node.unary(
            "machine.MachineService/ApplyConfiguration", request, pb.ApplyConfigurationResponse, timeout=120
        )
        for message in answer.messages:
            for warning in message.warnings:
                note(f"{node.name}: warning: {warning}")
            click.echo(f"{node.name}: {message.mode_details}")

    return nodes.each(run)
