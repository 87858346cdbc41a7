"""`bootstrap`: begin the cluster's etcd on one control plane, from nothing or from a snapshot."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import click

from core.base.errors import Invalid
from core.base.text import printable
from core.cli.output import note
from core.cli.target import Node, Nodes, node_options
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb

PIECE: Final = 32 << 10
SILENT: Final = "ichor-silent"
SECONDS: Final = 60.0


@click.command(name="bootstrap")
@click.option(
    "--recover-from",
    "snapshot",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="PATH",
    help="begin with what a snapshot of etcd holds",
)
@click.option("--recover-skip-hash-check", "trusted", is_flag=True, help="take a database that has no hash of its own")
@node_options()
def command(snapshot: Path | None, trusted: bool, nodes: Nodes) -> int:
    """Begin etcd on one control plane; the others join it by themselves. Once in the life of a cluster."""
    if len(nodes.names) != 1:
        raise Invalid(f"a cluster begins on one node, not on {len(nodes.names)}", remedy="name it with --nodes")
    request = pb.BootstrapRequest(recover_etcd=snapshot is not None, recover_skip_hash_check=trusted)

    async def begin(node: Node) -> None:
        if snapshot is not None:
            await _send(node, snapshot)
        call = node.stream("machine.MachineService/Bootstrap", request, pb.BootstrapResponse)
        async for _ in call:
            note(f"{node.name}: begins the cluster")
        for key, value in call.trailing:
            if key == SILENT:
                note(f"{node.name}: a control plane was not heard: {printable(str(value))}")

    return nodes.each(begin)


async def _send(node: Node, snapshot: Path) -> None:
    async def pieces() -> AsyncIterator[common_pb2.Data]:
        with snapshot.open("rb") as file:
            while piece := file.read(PIECE):
                yield common_pb2.Data(bytes=piece)

    path, reply = "/machine.MachineService/EtcdRecover", pb.EtcdRecoverResponse
    done: Any = await node.channel.client_stream(path, pieces(), reply, node.metadata)
    assert done is not None
    note(f"{node.name}: has the snapshot {snapshot}")
