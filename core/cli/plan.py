"""`plan`: what applying a config would change on nodes, asked of them: keys, certificates, services, a reboot. The exit
code tells programs: 0, nothing would change; 2, something would; 1, an error, also of usage."""

from typing import Any, Final

import click
import msgspec

from core.base.errors import Unsupported
from core.base.text import printable
from core.cli import files
from core.cli.applying import KIND, SECONDS, in_force
from core.cli.output import emit_json, output_option
from core.cli.target import Node, Nodes, node_options
from core.config.change import JSON, KEY, Difference, told
from core.rpc.pb.machine import machine_pb2 as pb

CHANGES: Final = 2
Plan = tuple[Difference, list[str]]


class _Plan(click.Command):
    """One whose usage errors are not taken for changes."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        try:
            return super().make_context(*args, **kwargs)
        except click.UsageError as error:
            error.exit_code = 1
            raise


@click.command(name="plan", cls=_Plan)
@click.option(
    "-f", "--file", "path", metavar="FILE", help="the machine config, - for stdin  [default: what is in force]"
)
@click.option("-p", "--config-patch", "patches", multiple=True, metavar="PATCH", help="inline or @FILE")
@node_options(insecure=True)
@output_option("text", "json")
def command(path: str | None, patches: tuple[str, ...], nodes: Nodes, output: str) -> int:
    """Show what `apply-config` would do with the same file and patches: 0 nothing, 2 something, 1 an error."""
    data = None if path is None else files.patched(files.read(path), path, patches)

    async def ask(node: Node) -> Plan:
        wanted = data
        if wanted is None:
            wanted = files.patched(await in_force(node, KIND), f"config of {node.name}", patches)
        return await _plan(node, wanted)

    answers = nodes.run(ask)
    if output == "json":
        emit_json([{"node": name, **msgspec.to_builtins(found), "warnings": said} for name, (found, said) in answers])
    else:
        for name, (found, said) in answers:
            _print(name, found, said)
    if len(answers) != len(nodes.names):
        return 1
    return CHANGES if any(found.diff for _, (found, _) in answers) else 0


async def _plan(node: Node, data: bytes) -> Plan:
    request = pb.ApplyConfigurationRequest(data=data, mode="AUTO", dry_run=True)
    path = "machine.MachineService/ApplyConfiguration"
    answer = await node.unary(path, request, pb.ApplyConfigurationResponse, SECONDS, ((KEY, JSON),))
    (message,) = answer.messages
    try:
        found = msgspec.json.decode(message.mode_details, type=Difference)
    except msgspec.DecodeError:
        raise Unsupported(f"{node.name} tells no plan", remedy="see `apply-config --dry-run`") from None
    return found, list(message.warnings)


def _print(name: str, found: Difference, warnings: list[str]) -> None:
    click.echo(f"{name}:\n{_lines(told(found))}", nl=False)
    if found.unused:
        click.echo(f"Kept and not acted on yet: {printable(', '.join(found.unused))}")
    for warning in warnings:
        click.echo(f"Warning: {printable(warning)}")


def _lines(text: str) -> str:
    """As they are, fit for a terminal."""
    return "".join(f"{printable(line)}\n" for line in text.splitlines())
