"""`patch` and `edit`: change the machine config that is in force on nodes."""

import asyncio

import click

from core.base.errors import Invalid
from core.base.text import printable
from core.cli import files
from core.cli.applying import How, how_options, in_force, send
from core.cli.output import note
from core.cli.target import Node, Nodes, node_options

_namespace = click.option("--namespace", default="", help="in place of the type's own")


@click.command(name="patch")
@click.argument("kind", metavar="TYPE")
@click.option("-p", "--patch", "patches", multiple=True, metavar="PATCH", help="YAML, JSON or @FILE")
@click.option("--patch-file", "file", metavar="FILE", help="a file with one more")
@_namespace
@how_options
@node_options()
def command(kind: str, patches: tuple[str, ...], file: str | None, namespace: str, how: How, nodes: Nodes) -> int:
    """Patch what is in force on the nodes: `ichorctl patch machineconfig --patch @FILE`."""
    given = (*patches, *([f"@{file}"] if file else ()))
    if not given:
        raise click.UsageError("give --patch or --patch-file")

    async def one(node: Node) -> None:
        before = await in_force(node, kind, namespace)
        await send(node, files.patched(before, f"config of {node.name}", given), how)

    return nodes.each(one)


@click.command(name="edit")
@click.argument("kind", metavar="TYPE")
@_namespace
@how_options
@node_options()
def edit(kind: str, namespace: str, how: How, nodes: Nodes) -> int:
    """Open what is in force on each node in $EDITOR, one after the other, and apply what is saved there."""
    turn = asyncio.Semaphore(1)  # one editor at a time

    async def one(node: Node) -> None:
        async with turn:
            before = await in_force(node, kind, namespace)
            after = await asyncio.to_thread(_edited, node.name, before)
            if after is None or after == before:
                note(f"{node.name}: nothing was changed")
            else:
                await send(node, after, how)

    return nodes.each(one)


def _edited(name: str, before: bytes) -> bytes | None:
    """What comes back from the editor, opened again over a config that is refused, until it is good or nothing was
    saved any more."""
    text, trouble = before.decode(), ""
    while True:
        saved = click.edit(trouble + text, extension=".yaml")
        if saved is None or saved.removeprefix(trouble) == text:
            return None
        text = saved.removeprefix(trouble)
        try:
            return files.patched(text.encode(), f"config of {name}", ())
        except Invalid as error:
            trouble = "".join(f"# {printable(line)}\n" for line in str(error).splitlines())
