"""`ichorctl`: finds the verb and runs it. One verb, one module, imported only when it is used: listing all of them
imports none. Every failure that has a name ends as `error: ...` with its remedy and exit code 1."""

import gc
import os
import sys
from importlib import import_module
from typing import Final, NoReturn

import click

from core.base.errors import IchorError
from core.cli.before import common, spoken

# verb -> (module with a click command `command`, or `module:command`; one line of help)
VERBS: Final = {
    "apply-config": ("core.cli.apply", "apply a machine config to nodes"),
    "bootstrap": ("core.cli.bootstrap", "begin the cluster's etcd on one control plane"),
    "cgroups": ("core.cli.cgroups", "the control groups of nodes and what they use"),
    "cluster": ("core.cli.cluster", "clusters of nodes on this machine"),
    "completion": ("core.cli.completion", "complete verbs and flags in a shell"),
    "config": ("core.cli.config", "client config: contexts, endpoints, nodes"),
    "containers": ("core.cli.containers", "what the container runtime runs"),
    "copy": ("core.cli.copy", "a tree of files of a node"),
    "dashboard": ("core.cli.dashboard.verb", "nodes on a full screen, live"),
    "debug": ("core.cli.debug", "a container on a node to look around in"),
    "diskfree": ("core.cli.diskfree", "how full volumes are"),
    "dmesg": ("core.cli.dmesg", "the kernel's log"),
    "edit": ("core.cli.patch:edit", "change the machine config in an editor"),
    "etcd": ("core.cli.etcd.verb", "the cluster's database: members, health, snapshots"),
    "events": ("core.cli.events", "what happens on nodes"),
    "gen": ("core.cli.gen", "make secrets, machine configs and the client config"),
    "get": ("core.cli.get", "resources of nodes"),
    "health": ("core.cli.health", "whether the cluster is healthy"),
    "image": ("core.cli.imagefile", "container images of nodes; an image file on this machine"),
    "inspect": ("core.cli.inspect", "the graph of controllers"),
    "kubeconfig": ("core.cli.kubeconfig", "access to the cluster's Kubernetes"),
    "list": ("core.cli.listing", "what is in a folder of nodes"),
    "logs": ("core.cli.logs", "what a service wrote"),
    "machineconfig": ("core.cli.machineconfig", "patch machine configs"),
    "memory": ("core.cli.memory", "how nodes use their memory"),
    "meta": ("core.cli.meta", "values that outlive a config"),
    "mounts": ("core.cli.mounts", "what is mounted on nodes"),
    "netstat": ("core.cli.netstat", "the sockets of nodes"),
    "patch": ("core.cli.patch", "patch the machine config that is in force"),
    "pcap": ("core.cli.pcap", "capture packets of a node"),
    "plan": ("core.cli.plan", "what applying a machine config would change"),
    "processes": ("core.cli.processes", "what runs on nodes"),
    "read": ("core.cli.read", "a file of a node"),
    "reboot": ("core.cli.reboot", "reboot nodes"),
    "reset": ("core.cli.reset", "wipe nodes, out of their cluster first"),
    "restart": ("core.cli.containers:restart", "ask a container to end"),
    "rotate-ca": ("core.cli.rotate", "exchange the authority of the API of all nodes"),
    "service": ("core.cli.service", "the services of nodes"),
    "shutdown": ("core.cli.shutdown", "power nodes off"),
    "stats": ("core.cli.containers:stats", "what containers use"),
    "support": ("core.cli.support", "collect what helps to understand a failure"),
    "time": ("core.cli.clock", "the clocks of nodes"),
    "upgrade-k8s": ("core.cli.upgradek8s", "take the cluster's Kubernetes to another version"),
    "usage": ("core.cli.listing:usage", "how large folders of nodes are"),
    "validate": ("core.cli.validate", "check a machine config"),
    "version": ("core.cli.version", "which version runs here and on nodes"),
}
ALIASES: Final = {
    "apply": "apply-config",
    "c": "containers",
    "cat": "read",
    "cg": "cgroups",
    "cp": "copy",
    "df": "diskfree",
    "du": "usage",
    "free": "memory",
    "g": "get",
    "images": "image",
    "ls": "list",
    "m": "memory",
    "mc": "machineconfig",
    "mount": "mounts",
    "p": "processes",
    "ps": "processes",
    "services": "service",
    "ss": "netstat",
    "tcpdump": "pcap",
}


class Verbs(click.Group):
    """A group whose commands are named in a table and imported when asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = VERBS.get(ALIASES.get(cmd_name, cmd_name))
        if entry is None:
            return None
        module, _, name = entry[0].partition(":")
        command = getattr(import_module(module), name or "command")
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl([(name, VERBS[name][1]) for name in sorted(VERBS)])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if command is None:
            return name, command, rest
        return command.name, command, list(spoken(command, ctx, rest))


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@common
def cli(**_: object) -> None:
    """Drive Ichor nodes. What says which nodes of which context are meant may also stand behind the verb."""


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
