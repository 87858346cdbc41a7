"""What a node is to do about its place in etcd, from what the members say: functions of the membership alone, so that a
node killed anywhere asks again and goes on. Owns the order of the steps and the arithmetic of quorums; calls nobody."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from core.base.errors import Conflict
from core.rpc.pb.etcd.rpc_pb2 import Member


@dataclass(frozen=True, slots=True)
class Me:
    """How this node is known: its member's name and the URLs at which its peers find it."""

    name: str
    peer_urls: Sequence[str]


@dataclass(frozen=True, slots=True)
class Remove:
    """A member that was this node before it lost its data: its name or URLs are ours, and what it knew is gone."""

    member: Member


@dataclass(frozen=True, slots=True)
class Add:
    """Nobody is this node yet: add it as a learner."""


@dataclass(frozen=True, slots=True)
class Start:
    """This node's `member` was added: start etcd with all of `members` (name=URL)."""

    member: Member
    members: Sequence[str]


Step = Remove | Add | Start


def joining(members: Collection[Member], me: Me, serving: Collection[int]) -> Step:
    """The next step of a node without data on its way into a cluster of `members`, of whom those with the ids `serving`
    answer. Raises Conflict when somebody who serves has our name.

    One that was added with our URLs and never started waits for us; any other with our name or one of our URLs is what
    we were before, whose votes and log are lost: a member must not come back without them under its old id.
    """
    ours = [member for member in members if member.name == me.name or set(member.peerURLs) & set(me.peer_urls)]
    waiting = [member for member in ours if not member.name and set(member.peerURLs) == set(me.peer_urls)]
    stale = [member for member in ours if member not in waiting[:1]]
    for member in stale:
        if member.ID in serving:
            urls = ", ".join(member.peerURLs)
            raise Conflict(f"etcd's member {member.name} at {urls} is alive", remedy="give this node a name of its own")
    if stale:
        return Remove(stale[0])
    if not waiting:
        return Add()
    others = [f"{member.name}={url}" for member in members if member.name for url in member.peerURLs]
    return Start(waiting[0], [*others, *(f"{me.name}={url}" for url in me.peer_urls)])


def voters(members: Collection[Member]) -> list[Member]:
    """Those who vote."""
    return [member for member in members if not member.isLearner]


def check_removal(members: Collection[Member], gone: Member, serving: Collection[int]) -> None:
    """Raises Conflict when without `gone` those who are `serving` (ids) would be no majority any more; of a learner,
    which has no vote, never."""
    if gone.isLearner:
        return
    remaining = [member for member in voters(members) if member.ID != gone.ID]
    alive = [member for member in remaining if member.ID in serving]
    if not remaining:
        raise Conflict(
            f"{_called(gone)} is the last voting member of etcd", remedy="reset the node to give its data up"
        )
    if len(alive) <= len(remaining) // 2:
        silent = ", ".join(_called(member) for member in remaining if member.ID not in serving)
        raise Conflict(
            f"without {_called(gone)}, {len(alive)} of {len(remaining)} voting members would serve: no majority",
            remedy=f"bring back {silent} first",
        )


def successor(members: Collection[Member], leaving: int, serving: Collection[int]) -> Member | None:
    """Who takes leadership over from the member `leaving`; None when nobody else could."""
    able = [member for member in voters(members) if leaving != member.ID and member.ID in serving]
    return min(able, key=lambda member: member.ID, default=None)


def _called(member: Member) -> str:
    return member.name or f"{member.ID:016x} (never started)"
