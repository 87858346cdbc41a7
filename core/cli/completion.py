"""`completion`: what a shell needs to complete ichorctl's verbs, flags and values."""

import click
from click.shell_completion import get_completion_class

_VARIABLE = "_ICHORCTL_COMPLETE"


@click.command(name="completion")
@click.argument("shell", type=click.Choice(("bash", "fish", "zsh")))
def command(shell: str) -> None:
    """Write the completion script for SHELL: `source <(ichorctl completion bash)`."""
    kind = get_completion_class(shell)
    assert kind is not None  # the choices are those that there are
    click.echo(kind(click.get_current_context().find_root().command, {}, "ichorctl", _VARIABLE).source())
