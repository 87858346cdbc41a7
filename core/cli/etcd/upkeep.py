"""How etcd's members do, and what keeps them well. A snapshot is a file of this machine only once it is whole."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import click
from google.protobuf.empty_pb2 import Empty

from core.base.errors import Invalid
from core.base.units import format_size
from core.cli.asking import ask, show
from core.cli.output import note, output_option
from core.cli.target import Node, Nodes, node_options
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb

DIGEST: Final = 32  # bytes: a snapshot ends with the SHA-256 of what is before
MINUTES: Final = 600.0
_STATUS: Final = (
    *("member", "db size", "in use", "leader", "raft index", "raft term", "raft applied index", "learner"),
    *("protocol", "storage", "errors"),
)


@click.command()
@node_options()
@output_option("table", "json")
def status(nodes: Nodes, output: str) -> int:
    """How each node's member does."""
    answers = ask(nodes, "machine.MachineService/EtcdStatus", Empty(), pb.EtcdStatusResponse)
    return show(nodes, answers, output, _STATUS, lambda message: [_status(message.member_status)])


def _status(member: pb.EtcdMemberStatus) -> tuple[object, ...]:
    share = 100 * member.db_size_in_use / member.db_size if member.db_size else 0.0
    return (
        f"{member.member_id:016x}",
        format_size(member.db_size),
        f"{format_size(member.db_size_in_use)} ({share:.2f}%)",
        f"{member.leader:016x}",
        member.raft_index,
        member.raft_term,
        member.raft_applied_index,
        str(member.is_learner).lower(),
        member.protocol_version,
        member.storage_version,
        list(member.errors),
    )


@click.group()
def alarm() -> None:
    """What etcd has raised: no space left, or data that differ."""


@alarm.command("list")
@node_options()
@output_option("table", "json")
def alarm_list(nodes: Nodes, output: str) -> int:
    """List what is raised, of all members."""
    answers = ask(nodes, "machine.MachineService/EtcdAlarmList", Empty(), pb.EtcdAlarmListResponse)
    return show(nodes, answers, output, ("member", "alarm"), _alarms)


@alarm.command("disarm")
@node_options()
@output_option("table", "json")
def alarm_disarm(nodes: Nodes, output: str) -> int:
    """Take all of it back, once its cause is gone."""
    answers = ask(nodes, "machine.MachineService/EtcdAlarmDisarm", Empty(), pb.EtcdAlarmDisarmResponse)
    return show(nodes, answers, output, ("member", "alarm"), _alarms)


def _alarms(message: Any) -> Iterable[tuple[object, ...]]:
    for each in message.member_alarms:
        yield f"{each.member_id:016x}", pb.EtcdMemberAlarm.AlarmType.Name(each.alarm)


@click.command()
@node_options()
def defrag(nodes: Nodes) -> int:
    """Give free pages of the members' databases back to their disks. A member answers nobody meanwhile, so take one
    after the other."""

    async def one(node: Node) -> None:
        path = "machine.MachineService/EtcdDefragment"
        await node.unary(path, Empty(), pb.EtcdDefragmentResponse, timeout=MINUTES)

    return nodes.each(one)


@click.group()
def downgrade() -> None:
    """Write the storage as an earlier version of etcd does."""


def _downgrade(nodes: Nodes, rpc: str, request: Any, reply: Any) -> int:
    answers = ask(nodes, f"machine.MachineService/{rpc}", request, reply)
    return show(nodes, answers, "table", ("cluster version",), lambda each: [(each.cluster_downgrade.cluster_version,)])


@downgrade.command()
@click.argument("version")
@node_options()
def validate(version: str, nodes: Nodes) -> int:
    """Whether it could be written as VERSION does."""
    request = pb.EtcdDowngradeValidateRequest(version=version)
    return _downgrade(nodes, "EtcdDowngradeValidate", request, pb.EtcdDowngradeValidateResponse)


@downgrade.command()
@click.argument("version")
@node_options()
def enable(version: str, nodes: Nodes) -> int:
    """Begin to write it as VERSION does."""
    request = pb.EtcdDowngradeEnableRequest(version=version)
    return _downgrade(nodes, "EtcdDowngradeEnable", request, pb.EtcdDowngradeEnableResponse)


@downgrade.command()
@node_options()
def cancel(nodes: Nodes) -> int:
    """Call it off."""
    return _downgrade(nodes, "EtcdDowngradeCancel", Empty(), pb.EtcdDowngradeCancelResponse)


@click.command()
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@node_options()
def snapshot(path: Path, nodes: Nodes) -> int:
    """Save the whole database to PATH, checked against its hash."""
    if len(nodes.names) != 1:
        raise Invalid(f"a snapshot is of one node, not of {len(nodes.names)}", remedy="name it with --nodes")

    async def save(node: Node) -> None:
        part = path.with_name(f"{path.name}.part")
        with part.open("wb") as file:
            async for data in node.stream(
                "machine.MachineService/EtcdSnapshot", pb.EtcdSnapshotRequest(), common_pb2.Data
            ):
                file.write(data.bytes)
        digest = _verified(part)
        part.rename(path)
        note(f"etcd snapshot saved to {path} ({path.stat().st_size} bytes), sha256 {digest}")

    return nodes.each(save)


def _verified(path: Path) -> str:
    """The hash of the database in it, which is at its end. Raises Invalid."""
    left, digest = path.stat().st_size - DIGEST, hashlib.sha256()
    with path.open("rb") as file:
        while left > 0 and (piece := file.read(min(left, 1 << 20))):
            digest.update(piece)
            left -= len(piece)
        if left or file.read() != digest.digest():
            raise Invalid(f"{path} did not arrive whole: its hash is another", remedy="save it again")
    return digest.hexdigest()
