"""Who is in etcd, and who goes."""

import click

from core.base.errors import Invalid
from core.cli.asking import ask, show
from core.cli.output import note, output_option
from core.cli.target import Node, Nodes, node_options
from core.rpc.pb.machine import machine_pb2 as pb

_COLUMNS = ("id", "hostname", "peer urls", "client urls", "learner")


@click.command()
@node_options()
@output_option("table", "json")
def members(nodes: Nodes, output: str) -> int:
    """List etcd's members, as a quorum of them agrees."""
    answers = ask(nodes, "machine.MachineService/EtcdMemberList", pb.EtcdMemberListRequest(), pb.EtcdMemberListResponse)

    def rows(message: pb.EtcdMembers) -> list[tuple[object, ...]]:
        return [
            (f"{m.id:016x}", m.hostname, list(m.peer_urls), list(m.client_urls), str(m.is_learner).lower())
            for m in message.members
        ]

    return show(nodes, answers, output, _COLUMNS, rows)


@click.command("remove-member")
@click.argument("member")
@node_options()
def remove_member(member: str, nodes: Nodes) -> int:
    """Remove MEMBER (its id, as `etcd members` shows it) for good. A node that still runs is to `etcd leave`."""
    try:
        request = pb.EtcdRemoveMemberByIDRequest(member_id=int(member, 16))
    except ValueError:
        raise Invalid(f"{member!r} is no member's id", remedy="take it from `etcd members`") from None

    async def one(node: Node) -> None:
        await node.unary("machine.MachineService/EtcdRemoveMemberByID", request, pb.EtcdRemoveMemberByIDResponse)

    return nodes.each(one)


@click.command("forfeit-leadership")
@node_options()
def forfeit_leadership(nodes: Nodes) -> int:
    """Let another member lead."""

    async def one(node: Node) -> None:
        request, path = pb.EtcdForfeitLeadershipRequest(), "machine.MachineService/EtcdForfeitLeadership"
        answer = await node.unary(path, request, pb.EtcdForfeitLeadershipResponse)
        leader = answer.messages[0].member
        note(f"{node.name}: {leader} leads now" if leader else f"{node.name}: did not lead")

    return nodes.each(one)


@click.command()
@node_options()
def leave(nodes: Nodes) -> int:
    """Have the nodes leave etcd and forget what they had of it."""

    async def one(node: Node) -> None:
        request, path = pb.EtcdLeaveClusterRequest(), "machine.MachineService/EtcdLeaveCluster"
        await node.unary(path, request, pb.EtcdLeaveClusterResponse, timeout=180.0)

    return nodes.each(one)
