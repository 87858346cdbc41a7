"""`apply-config`: check a machine config here, then send it."""

import click

from core.cli import files
from core.cli.applying import How, how_options, send
from core.cli.target import Nodes, node_options


@click.command(name="apply-config")
@click.option("-f", "--file", "path", required=True, metavar="FILE", help="the machine config, - for stdin")
@click.option("-p", "--config-patch", "patches", multiple=True, metavar="PATCH", help="inline or @FILE")
@how_options
@node_options(insecure=True)
def command(path: str, patches: tuple[str, ...], how: How, nodes: Nodes) -> int:
    """Apply a machine config to the nodes."""
    data = files.patched(files.read(path), path, patches)
    return nodes.each(lambda node: send(node, data, how))
