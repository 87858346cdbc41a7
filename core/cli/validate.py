"""`validate`: whether a machine config would be taken, everything wrong with it at once, and what the node would keep
and not act on."""

import click
import msgspec

from core.cli import files
from core.cli.output import emit_json, note, output_option
from core.config.load import load
from core.config.modes import Mode, check
from core.config.problems import ConfigErrors
from core.config.support import unsupported


@click.command(name="validate")
@click.option("-c", "--config", "path", required=True, metavar="FILE", help="the machine config, - for stdin")
@click.option("-m", "--mode", required=True, type=click.Choice([str(mode) for mode in Mode]), help="kind of platform")
@click.option("--strict", is_flag=True, help="warnings are errors")
@output_option("text", "json")
def command(path: str, mode: str, strict: bool, output: str) -> int:
    """Check a machine config."""
    try:
        config = load(files.read(path), path)
        found = [*config.warnings, *check(config, Mode(mode))]
        errors = ConfigErrors(problem for problem in found if strict or not problem.warning)
        if errors.problems:
            raise errors
    except ConfigErrors as error:
        if output != "json":
            raise
        emit_json({"valid": False, "problems": msgspec.to_builtins(error.problems), "unsupported": []})
        return 1
    kept = unsupported(config)
    if output == "json":
        emit_json({"valid": True, "problems": msgspec.to_builtins(found), "unsupported": kept})
        return 0
    for problem in found:
        note(f"warning: {problem}")
    for name in kept:
        note(f"warning: {name}: this node keeps it and does not act on it yet")
    click.echo(f"{path} is valid for {mode} mode")
    return 0
