"""`list` and `usage`: what is in the folders of nodes, and how large it is. Both print as it comes."""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import click

from core.base.text import printable
from core.base.units import format_size
from core.cli.asking import plain
from core.cli.output import emit_line, note, output_option
from core.cli.target import Node, Nodes, node_options
from core.rpc.pb.machine import machine_pb2 as pb

_TYPES = {"file": pb.ListRequest.REGULAR, "directory": pb.ListRequest.DIRECTORY, "symlink": pb.ListRequest.SYMLINK}
# Go's mode bits and their letters, in its order: https://pkg.go.dev/io/fs#FileMode.String
_LETTERS = {31: "d", 27: "L", 26: "D", 25: "p", 24: "S", 23: "u", 22: "g", 21: "c", 20: "t"}
_HUMAN = click.option("-H", "--humanize", is_flag=True, help="sizes and times for people")


@click.command(name="list")
@click.argument("path", required=False, default="/")
@click.option("-l", "--long", "detailed", is_flag=True, help="mode, owner, size, time and label, too")
@click.option("-r", "--recurse", is_flag=True, help="all of it")
@click.option("-d", "--depth", default=1, show_default=True, metavar="N", help="so many levels")
@click.option("-t", "--type", "types", multiple=True, metavar="TYPE", help="f[ile], d[irectory] or l (symlink) alone")
@_HUMAN
@node_options()
@output_option("text", "json")
def command(
    path: str,
    detailed: bool,
    recurse: bool,
    depth: int,
    types: tuple[str, ...],
    humanize: bool,
    nodes: Nodes,
    output: str,
) -> int:
    """List the folder PATH of the nodes."""
    request = pb.ListRequest(
        root=path,
        recurse=recurse or depth > 1,
        recursion_depth=-1 if recurse else depth,
        types=[pb.ListRequest.Type.Name(_type(name)) for name in types],
        report_xattrs=detailed,
    )

    def line(name: str, info: pb.FileInfo) -> str:
        shown = f"{info.relative_name}{f' -> {info.link}' if info.link else ''}"
        return f"{_named(nodes, name)}{_details(info, humanize) if detailed else ''}{printable(shown)}"

    return nodes.each(_each("List", request, pb.FileInfo, output, line))


@click.command(name="usage")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("-a", "--all", "everything", is_flag=True, help="files, too")
@click.option("-t", "--threshold", default=0, metavar="BYTES", help="of at least this size; negative: at most")
@click.option("-d", "--depth", default=0, metavar="N", help="show so many levels; 0: all")
@_HUMAN
@node_options()
@output_option("text", "json")
def usage(
    paths: tuple[str, ...],
    everything: bool,
    threshold: int,
    depth: int,
    humanize: bool,
    nodes: Nodes,
    output: str,
) -> int:
    """Show what the folders PATH of the nodes hold."""
    request = pb.DiskUsageRequest(
        paths=paths or ("/",), all=everything, threshold=threshold, recursion_depth=depth + 1 if depth else 0
    )

    def line(name: str, info: pb.DiskUsageInfo) -> str:
        size = format_size(info.size) if humanize else str(info.size)
        return f"{_named(nodes, name)}{size:<12} {printable(info.relative_name)}"

    return nodes.each(_each("DiskUsage", request, pb.DiskUsageInfo, output, line))


def _each(
    method: str,
    request: pb.ListRequest | pb.DiskUsageRequest,
    reply: type[pb.FileInfo] | type[pb.DiskUsageInfo],
    output: str,
    line: Callable[..., str],
) -> Callable[[Node], Coroutine[Any, Any, None]]:
    async def show(node: Node) -> None:
        async for info in node.stream(f"machine.MachineService/{method}", request, reply):
            if info.error:
                note(f"{node.name}: {printable(info.name)}: {printable(info.error)}")
            elif output == "json":
                emit_line({"node": node.name, **plain(info)})
            else:
                click.echo(line(node.name, info))

    return show


def _named(nodes: Nodes, name: str) -> str:
    return f"{name}   " if len(nodes.names) > 1 else ""


def _type(name: str) -> int:
    """A type by its first letters; a symlink also by `l`."""
    for known, number in _TYPES.items():
        if name and known.startswith(name):
            return number
    if name == "l":
        return pb.ListRequest.SYMLINK
    raise click.BadParameter(f"{name} is no type: f, d or l")


def _details(info: pb.FileInfo, humanize: bool) -> str:
    when = datetime.fromtimestamp(info.modified, UTC)
    time = when.strftime("%Y-%m-%d %H:%M") if humanize else when.strftime("%Y-%m-%dT%H:%M:%SZ")
    size = format_size(info.size) if humanize else str(info.size)
    label = next(
        (x.data.rstrip(b"\0").decode(errors="replace") for x in info.xattrs if x.name == "security.selinux"), ""
    )
    return f"{mode_text(info.mode):<12} {info.uid:>5} {info.gid:>5} {size:>12} {time} {label}{'  ' if label else ''}"


def mode_text(mode: int) -> str:
    """A mode as clients of this API know it: what it is, then who may do what."""
    letters = "".join(letter for bit, letter in _LETTERS.items() if mode >> bit & 1) or "-"
    return letters + "".join(c if mode >> 8 - n & 1 else "-" for n, c in enumerate("rwxrwxrwx"))
