"""`kubeconfig`: an administrator's access to a cluster's Kubernetes, put where kubectl finds it."""

import io
import os
import tarfile
from pathlib import Path
from typing import Final

import click
from google.protobuf.empty_pb2 import Empty

from core.base.errors import AlreadyExists, Invalid
from core.base.files import write_atomic
from core.cli import kubefile
from core.cli.output import note
from core.cli.target import Node, Nodes, node_options
from core.rpc.pb.common import common_pb2

_NAME: Final = "kubeconfig"
_LIMIT: Final = 1 << 20


@click.command(name="kubeconfig")
@click.argument("path", required=False, default="")
@click.option("-m", "--merge/--no-merge", default=True, show_default=True, help="into what is in the file already")
@click.option("-f", "--force", is_flag=True, help="over a file, or over entries of the same names, that are there")
@click.option("--force-context-name", "context_name", default="", metavar="NAME", help="what to call the context")
@node_options()
def command(path: str, merge: bool, force: bool, context_name: str, nodes: Nodes) -> int:
    """Fetch an administrator's kubeconfig from a control plane.

    It goes into the file or folder PATH, by default $KUBECONFIG's first file or ~/.kube/config; `-` is standard
    output."""
    if len(nodes.names) != 1:
        raise Invalid(f"a kubeconfig is asked of one node, not of {len(nodes.names)}", remedy="name it with --nodes")

    async def fetch(node: Node) -> None:
        data = await fetched(node)
        if path == "-":
            click.echo(data.decode(), nl=False)
        else:
            place = _place(path, merge=merge)
            _save(place, data, merge=merge, force=force, context=context_name)

    return nodes.each(fetch)


async def fetched(node: Node) -> bytes:
    """An administrator's kubeconfig, made by a control plane. Raises RpcError, Invalid."""
    stream = node.stream("machine.MachineService/Kubeconfig", Empty(), common_pb2.Data)
    return _unpacked(b"".join([message.bytes async for message in stream]))


def _unpacked(archive: bytes) -> bytes:
    """The one file of what a node sent. Raises Invalid."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r|gz") as members:
            for member in members:
                if member.name == _NAME and member.isreg() and member.size <= _LIMIT:
                    held = members.extractfile(member)
                    return held.read() if held is not None else b""
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise Invalid(f"the node's archive is broken: {error}") from error
    raise Invalid("there is no kubeconfig in what the node sent")


def _place(path: str, *, merge: bool) -> Path:
    if path:
        return Path(path) / _NAME if Path(path).is_dir() else Path(path)
    if not merge:
        return Path(_NAME)
    listed = [name for name in os.environ.get("KUBECONFIG", "").split(os.pathsep) if name]
    return Path(listed[0]) if listed else Path.home() / ".kube" / "config"


def _save(place: Path, data: bytes, *, merge: bool, force: bool, context: str) -> None:
    """Write it, readable by the owner alone. Raises AlreadyExists, Invalid, OSError."""
    new = kubefile.entry(kubefile.parse(data, "what the node sent"))
    before: kubefile.File = {}
    if place.exists():
        if merge:
            before = kubefile.parse(place.read_bytes(), str(place))
        elif not force:
            raise AlreadyExists(f"{place} is there already", remedy="write over it with --force, or merge into it")
    file, chosen = kubefile.merge(before, new, force=force, context=context)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomic(place.resolve(), kubefile.dump(file))
    renamed = "" if chosen.cluster == new.cluster else f", cluster {chosen.cluster}, for there is another {new.cluster}"
    note(f"{place}: context {chosen.context}{renamed}")
