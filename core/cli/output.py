"""How verbs print: a table for people, JSON for programs. JSON goes out whole, keys as in the tables' source, never
mixed with other text; notes and progress go to standard error."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from core.base.text import printable

_Command = TypeVar("_Command", bound=Callable[..., Any])


def output_option(*formats: str, short: bool = True) -> Callable[[_Command], _Command]:
    """`-o/--output` with the first format as default: `output_option("table", "json")`. Not `short`: -o is another."""
    return click.option(
        *["-o"] * short,
        "--output",
        "output",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="output format",
    )


def emit_json(value: object) -> None:
    """One JSON document on standard output."""
    import json  # here, for most invocations print none

    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def emit_line(value: object) -> None:
    """One JSON document on a line of its own: for streams."""
    import json

    click.echo(json.dumps(value, ensure_ascii=False))


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Left-aligned columns, headings in capitals; nothing but the headings when there are no rows."""
    cells = [[column.upper() for column in columns], *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(columns))]
    for row in cells:
        click.echo("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def note(text: str) -> None:
    """A line for the person at the terminal, on standard error."""
    click.echo(text, err=True)


def _cell(value: object) -> str:
    if isinstance(value, list | tuple):
        return printable(",".join(map(str, value)))
    return "" if value is None else printable(str(value))
