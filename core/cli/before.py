"""What people are used to write from the format's own client: flags of nodes and contexts before the verb, and
switches with their value (`--wait=false`). Nothing here knows a verb."""

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])
_VALUES: Final = {"true": True, "false": False}

COMMON: Final = (
    click.option("-e", "--endpoints", multiple=True, metavar="HOST", help="connect through these"),
    click.option("-n", "--nodes", "wanted", multiple=True, metavar="HOST", help="the nodes meant"),
    click.option("--context", default="", metavar="NAME", help="the context to use instead of the current one"),
    click.option("--talosconfig", metavar="FILE", help="the client config file"),
)


def common(function: _Command) -> _Command:
    """The flags that say which nodes of which context are meant."""
    for option in COMMON:
        function = option(function)
    return function


def given(name: str, behind: Any) -> Any:
    """The value of a flag of COMMON, by its parameter's name: as given behind the verb, else before it."""
    return behind or click.get_current_context().find_root().params.get(name) or behind


def spoken(command: click.Command, context: click.Context, arguments: list[str]) -> Iterator[str]:
    """The arguments of a verb with `--switch=true` and `--switch=false` as click knows them. Behind `--` all stays."""
    switches: dict[str, click.Option] = {}
    _collect(command, switches)
    for index, argument in enumerate(arguments):
        if argument == "--":
            yield from arguments[index:]
            return
        if isinstance(command, click.Group) and not argument.startswith("-"):
            below = command.get_command(context, argument)
            if below is not None:
                command = below
                _collect(command, switches)
        yield from _switch(argument, switches)


def _collect(command: click.Command, switches: dict[str, click.Option]) -> None:
    for option in command.params:
        if isinstance(option, click.Option) and option.is_flag:
            switches |= dict.fromkeys(option.opts, option)


def _switch(argument: str, switches: dict[str, click.Option]) -> Iterator[str]:
    name, equals, value = argument.partition("=")
    if not equals or name not in switches or value not in _VALUES:
        yield argument
    elif _VALUES[value]:
        yield name
    elif negative := switches[name].secondary_opts:
        yield negative[0]  # a switch without one is off unless it is given
