"""The other control planes, as this node reaches them: at etcd's client port, with a certificate of etcd's authority.

Owns the connections, one to an address; and the census: who is a member, who serves, who leads. Judges none of it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from core.base.errors import Conflict, NotReady
from core.cluster.etcd import flags
from core.cluster.etcd.client import Etcd, each_of
from core.rpc.pb.etcd.rpc_pb2 import Member, MemberListResponse
from core.rpc.status import Code, RpcError
from core.rpc.tls import ClientTLS

LOOK_SECONDS: Final = 3.0  # one that does not tell its own state by then does not serve


class Reach:
    """`hosts` are the addresses of the configured control planes but this one, and may be exchanged at any time."""

    def __init__(self, tls: ClientTLS, hosts: Sequence[str]) -> None:
        self.hosts = hosts
        self._tls = tls
        self._etcds: dict[str, Etcd] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        for etcd in self._etcds.values():
            await etcd.close()
        self._etcds.clear()

    def at(self, url: str) -> Etcd:
        """The member behind a client URL, or an address "host:port"."""
        address = url.removeprefix("https://")
        if address not in self._etcds:
            self._etcds[address] = Etcd(address, self._tls)
        return self._etcds[address]

    @property
    def others(self) -> list[Etcd]:
        """The control planes of `hosts`, whether they run etcd or not."""
        return [self.at(url) for url in flags.urls(self.hosts, flags.CLIENT_PORT)]

    def of(self, member: Member) -> list[Etcd]:
        """A member by all its client URLs; none when it has not started yet."""
        return [self.at(url) for url in member.clientURLs]


@dataclass(frozen=True, slots=True)
class Census:
    """All members of `cluster`, as a quorum of them agrees, the ids of those who serve, and the leader's."""

    cluster: int
    members: Sequence[Member]
    serving: frozenset[int]
    leader: int

    def member(self, number: int) -> Member | None:
        """The member with that id."""
        return next((member for member in self.members if number == member.ID), None)


async def census(reach: Reach, own: Sequence[Etcd] = ()) -> Census:
    """Ask `own` and the others for the members, then each member. Raises NotReady, with what kept each, when no quorum
    is found, and Conflict when they are of more than one cluster."""
    asked = [*own, *reach.others]
    answers = await each_of(asked, members)
    said = [each for each in answers if not isinstance(each, RpcError)]
    if not said:
        silent = zip(asked, answers, strict=True)
        raise NotReady("no member of etcd answers" + "".join(f"; {etcd.address}: {error}" for etcd, error in silent))
    clusters = {each.header.cluster_id for each in said}
    if len(clusters) > 1:
        named = " and ".join(f"{each:016x}" for each in sorted(clusters))
        raise Conflict(f"the control planes run clusters {named}", remedy="reset those that are to join the other")
    statuses = await asyncio.gather(*(_status(reach, member) for member in said[0].members))
    serving = {member.ID: leader for member, leader in zip(said[0].members, statuses, strict=True) if leader}
    return Census(clusters.pop(), said[0].members, frozenset(serving), next(iter(serving.values()), 0))


async def members(etcd: Etcd) -> MemberListResponse:
    """The membership; one that runs no etcd (`waiting`), or whose etcd is still a learner, is as good as silent."""
    try:
        return await etcd.members()
    except RpcError as error:
        if error.code is Code.UNIMPLEMENTED:
            raise RpcError(Code.UNAVAILABLE, "runs no etcd yet") from error
        if "not supported for learner" in error.message:
            raise RpcError(Code.UNAVAILABLE, "does not vote yet") from error
        raise


async def _status(reach: Reach, member: Member) -> int:
    """Who leads in a member's eyes; 0 when it does not serve."""
    for etcd in reach.of(member):
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                status = await etcd.status()
        except (RpcError, TimeoutError):
            continue
        if status.header.member_id == member.ID:
            return status.leader
    return 0
