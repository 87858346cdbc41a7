"""Who is in etcd, and who goes: the list, removal, leadership given away, this node's own leave. What could cost the
cluster its quorum is refused before etcd is asked (core.cluster.etcd.leave)."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from core.cluster.etcd import leave
from core.cluster.etcd.client import any_of
from core.node.etcd.place import Place
from core.node.services import etcd as service
from core.node.services.supervisor import Supervisor
from core.rpc.pb.etcd import rpc_pb2 as etcd
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.service import Method, unary


def methods(place: Place, services: Supervisor) -> dict[str, Method]:
    """What is served from here."""
    members = Members(place, services)
    return {
        "EtcdMemberList": unary(members.member_list, pb.EtcdMemberListRequest, pb.EtcdMemberListResponse),
        "EtcdRemoveMemberByID": unary(members.remove, pb.EtcdRemoveMemberByIDRequest, pb.EtcdRemoveMemberByIDResponse),
        "EtcdForfeitLeadership": unary(
            members.forfeit, pb.EtcdForfeitLeadershipRequest, pb.EtcdForfeitLeadershipResponse
        ),
        "EtcdLeaveCluster": unary(members.leave, pb.EtcdLeaveClusterRequest, pb.EtcdLeaveClusterResponse),
    }


@dataclass(frozen=True, slots=True)
class Members:
    """The handlers. Each raises what `Place.member` does, and RpcError of etcd's."""

    place: Place
    services: Supervisor

    async def member_list(self, ctx: Any, request: pb.EtcdMemberListRequest) -> pb.EtcdMemberListResponse:
        """As a quorum agrees, asked through whoever answers; `query_local`: as this node's member knows them."""
        own = self.place.member
        if request.query_local:
            found = await own.members(agreed=False)
        else:
            async with self.place.reach() as reach:
                found = await any_of([own, *reach.others], lambda member: member.members())
        names = [member.name for member in found.members]
        message = pb.EtcdMembers(legacy_members=names, members=map(_member, found.members))
        return pb.EtcdMemberListResponse(messages=[message])

    async def remove(self, ctx: Any, request: pb.EtcdRemoveMemberByIDRequest) -> pb.EtcdRemoveMemberByIDResponse:
        """End a membership for good. Raises NotFound, and Conflict where the rest would be no majority."""
        own = self.place.member
        async with self.place.reach() as reach:
            await leave.remove(reach, own, request.member_id)
        return pb.EtcdRemoveMemberByIDResponse(messages=[pb.EtcdRemoveMemberByID()])

    async def forfeit(self, ctx: Any, request: pb.EtcdForfeitLeadershipRequest) -> pb.EtcdForfeitLeadershipResponse:
        """The name of who leads now, if this node did. Raises Conflict if nobody else could."""
        own = self.place.member
        async with self.place.reach() as reach:
            name = await leave.forfeit(own, reach)
        return pb.EtcdForfeitLeadershipResponse(messages=[pb.EtcdForfeitLeadership(member=name)])

    async def leave(self, ctx: Any, request: pb.EtcdLeaveClusterRequest) -> pb.EtcdLeaveClusterResponse:
        """This node gives its membership and its data up; etcd stays stopped until the next boot or bootstrap."""
        own = self.place.member
        stop = partial(self.services.stop, service.ID)
        async with self.place.reach() as reach:
            await leave.leave(self.place.local, own, reach, stop, self.place.clock)
        return pb.EtcdLeaveClusterResponse(messages=[pb.EtcdLeaveCluster()])


def _member(member: etcd.Member) -> pb.EtcdMember:
    return pb.EtcdMember(
        id=member.ID,
        hostname=member.name,
        peer_urls=member.peerURLs,
        client_urls=member.clientURLs,
        is_learner=member.isLearner,
    )
