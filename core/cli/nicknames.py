"""Second names of what is below a verb. They are not listed."""

from collections.abc import Mapping

import click


def nickname(group: click.Group, names: Mapping[str, click.Command]) -> None:
    """Let the commands of `group` be called by these names, too."""
    for name, command in names.items():
        group.add_command(click.Command(name, params=command.params, callback=command.callback, hidden=True))
