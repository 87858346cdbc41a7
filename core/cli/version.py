"""`version`: of this program and of the nodes."""

import click
from google.protobuf.empty_pb2 import Empty

from core.base.release import TAG
from core.cli.output import emit_json, output_option
from core.cli.target import Node, Nodes, node_options
from core.rpc.pb.machine import machine_pb2 as pb


@click.command(name="version")
@click.option("--client", "alone", is_flag=True, help="of this program only")
@click.option("--short", is_flag=True, help="the versions and nothing else")
@node_options(insecure=True, unless="alone")
@output_option("text", "json")
def command(alone: bool, short: bool, nodes: Nodes, output: str) -> int:
    """Show which version runs here and on the nodes."""

    async def ask(node: Node) -> pb.Version:
        return (await node.unary("machine.MachineService/Version", Empty(), pb.VersionResponse)).messages[0]

    answers = [] if alone else nodes.run(ask)
    if output == "json":
        emit_json({"client": {"tag": TAG}, "nodes": [_plain(name, answer) for name, answer in answers]})
    else:
        click.echo(f"Client: {TAG}" if short else f"Client:\n    Tag:         {TAG}")
        for name, answer in answers:
            _print(name, answer, short)
    return 0 if len(answers) == len(nodes.names) else 1


def _print(name: str, answer: pb.Version, short: bool) -> None:
    if short:
        click.echo(f"{name}: {answer.version.tag}")
        return
    click.echo("Server:")
    for label, value in _plain(name, answer).items():
        click.echo(f"    {label.capitalize() + ':':<12} {value}")


def _plain(name: str, answer: pb.Version) -> dict[str, str]:
    version = answer.version
    return {
        "node": name,
        "tag": version.tag,
        "sha": version.sha,
        "built": version.built,
        "platform": f"{answer.platform.name} ({answer.platform.mode})",
        "os/arch": f"{version.os}/{version.arch}",
    }
