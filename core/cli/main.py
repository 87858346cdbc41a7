"""`ichorctl`: finds the verb and runs it. One verb, one module, imported only when it is used: listing all of them
imports none. Every failure that has a name ends as `error: ...` with its remedy and exit code 1."""

import gc
import os
import sys
from importlib import import_module
from typing import Final, NoReturn

import click

from core.base.errors import IchorError

# verb -> (module with a click command `command`, one line of help)
VERBS: Final = {
    "apply-config": ("core.cli.apply", "apply a machine config to nodes"),
    "cluster": ("core.cli.cluster", "clusters of nodes on this machine"),
    "config": ("core.cli.config", "client config: contexts, endpoints, nodes"),
    "dmesg": ("core.cli.dmesg", "the kernel's log"),
    "events": ("core.cli.events", "what happens on nodes"),
    "gen": ("core.cli.gen", "make secrets, machine configs and the client config"),
    "get": ("core.cli.get", "resources of nodes"),
    "image": ("core.cli.imagefile", "check an image file"),
    "logs": ("core.cli.logs", "what a service wrote"),
    "machineconfig": ("core.cli.machineconfig", "patch machine configs"),
    "read": ("core.cli.read", "a file of a node"),
    "reboot": ("core.cli.reboot", "reboot nodes"),
    "service": ("core.cli.service", "the services of nodes"),
    "shutdown": ("core.cli.shutdown", "power nodes off"),
    "validate": ("core.cli.validate", "check a machine config"),
    "version": ("core.cli.version", "which version runs here and on nodes"),
}
ALIASES: Final = {"apply": "apply-config", "g": "get", "mc": "machineconfig", "services": "service"}


class Verbs(click.Group):
    """A group whose commands are named in a table and imported when asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = VERBS.get(ALIASES.get(cmd_name, cmd_name))
        if entry is None:
            return None
        command = import_module(entry[0]).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl([(name, VERBS[name][1]) for name in sorted(VERBS)])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return command.name if command else name, command, rest


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def cli() -> None:
    """Drive Ichor nodes."""


def main() -> NoReturn:
    """The program. It begins by making many objects and hardly any garbage, so the collector looks seldom; at its end
    the kernel takes all its memory at once, rather than the interpreter piece by piece."""
    gc.set_threshold(50_000)
    os._exit(run(sys.argv[1:]))


def run(arguments: list[str], command: click.Command = cli, name: str = "ichorctl") -> int:
    """One invocation; the exit code."""
    try:
        result = command.main(arguments, prog_name=name, standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        where = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else name
        _failed(f"{error.format_message().rstrip('.')}; see `{where} --help`")
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return 130
    except BrokenPipeError:
        # whoever read our output has seen enough; leave nothing for the interpreter to flush into the closed pipe
        sys.stdout = None
        return 141
    except IchorError as error:
        return _failed(str(error))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _failed(f"{where}{error.strerror or error}")
    return result if isinstance(result, int) else 0


def _failed(text: str) -> int:
    for line in text.splitlines():
        click.echo(f"error: {line}", err=True)
    return 1


if __name__ == "__main__":
    main()
