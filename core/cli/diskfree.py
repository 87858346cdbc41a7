"""`diskfree`: how full the volumes of nodes are."""

import asyncio
from typing import Any, NamedTuple

import click

from core.base.units import format_size
from core.cli.asking import plain
from core.cli.output import emit_json, output_option, table
from core.cli.target import Node, Nodes, node_options
from core.codec import yaml
from core.rpc.pb.machine import storage_pb2 as pb
from core.rpc.pb.v1alpha1 import state_pb2 as state

_TYPE = "MountStatuses.block.talos.dev"
_STATFS = "machine.StorageService/Statfs"


class Volume(NamedTuple):
    """A mounted volume and what its file system says."""

    name: str
    target: str
    usage: pb.StorageServiceStatfsResponse


@click.command(name="diskfree")
@click.option("-b", "--bytes", "exact", is_flag=True, help="exact numbers of bytes")
@click.option("-i", "--inodes", is_flag=True, help="inodes in place of bytes")
@node_options()
@output_option("table", "json")
def command(exact: bool, inodes: bool, nodes: Nodes, output: str) -> int:
    """Show how full the mounted volumes of the nodes are."""
    answers = nodes.run(_volumes)
    if output == "json":
        emit_json([{"node": name, "volumes": [_plain(volume) for volume in found]} for name, found in answers])
    else:
        kinds = ("inodes", "used", "free") if inodes else ("size", "used", "available")
        rows = [(name, *_row(volume, exact, inodes)) for name, found in answers for volume in found]
        table(("node", "volume", "mounted on", *kinds, "use%"), rows)
    return 0 if len(answers) == len(nodes.names) else 1


async def _volumes(node: Node) -> list[Volume]:
    """The volumes that the node has mounted, each asked for what it holds."""
    every = state.ListRequest(namespace="runtime", type=_TYPE)
    found: dict[str, str] = {}
    async for answer in node.stream("cosi.resource.State/List", every, state.ListResponse):
        spec: Any = yaml.builtins(yaml.load(answer.resource.spec.yaml_spec.encode()))
        found[answer.resource.metadata.id] = spec["target"]

    async def ask(name: str, target: str) -> Volume:
        request = pb.StorageServiceStatfsRequest(path=target)
        return Volume(name, target, await node.unary(_STATFS, request, pb.StorageServiceStatfsResponse))

    return await asyncio.gather(*(ask(name, target) for name, target in sorted(found.items()) if target))


def _row(volume: Volume, exact: bool, inodes: bool) -> tuple[object, ...]:
    told = volume.usage
    if inodes:
        counts = (told.inodes, told.inodes_used, told.inodes_free)
        return volume.name, volume.target, *counts, _share(told.inodes_used, told.inodes_free)
    sizes = (told.size, told.used, told.available)
    shown = sizes if exact else tuple(map(format_size, sizes))
    return volume.name, volume.target, *shown, _share(told.used, told.available)


def _share(used: int, left: int) -> str:
    """Of what one may use, as df has it: what is kept for root counts as neither."""
    return f"{-(-100 * used // (used + left))}%" if used + left else "-"


def _plain(volume: Volume) -> dict[str, object]:
    return {"volume": volume.name, "target": volume.target, **plain(volume.usage)}
