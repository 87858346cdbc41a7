"""`machineconfig`: machine configs as files."""

import click

from core.cli import files, gen


@click.group(name="machineconfig")
@click.pass_context
def command(context: click.Context) -> None:
    """Make and patch machine configs."""
    context.obj = False


command.add_command(gen.config, "gen")


@command.command()
@click.argument("path", metavar="FILE")
@click.option("-p", "--patch", "patches", multiple=True, required=True, help="YAML, JSON or @FILE; in the order given")
@click.option("-o", "--output", default="-", help="where to write  [default: stdout]")
def patch(path: str, patches: tuple[str, ...], output: str) -> None:
    """Patch the machine config in FILE."""
    files.write(output, files.patched(files.read(path), path, patches), force=True)
