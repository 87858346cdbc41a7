"""A member of etcd by its client port: its own state, and the membership of all. Owns the calls and their deadlines;
refuses to judge what is answered, and hides no error: what etcd says no to is an RpcError with etcd's own sentence."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from typing import Final, Self, TypeVar

from google.protobuf.message import Message

from core.base.errors import NotReady
from core.rpc.client import Channel
from core.rpc.pb.etcd import claims_pb2
from core.rpc.pb.etcd import rpc_pb2 as pb
from core.rpc.status import Code, RpcError
from core.rpc.tls import ClientTLS

R = TypeVar("R", bound=Message)
T = TypeVar("T")
DIAL_SECONDS: Final = 3.0
SECONDS: Final = 10.0  # etcd gives up a proposal after 7
UPKEEP_SECONDS: Final = 600.0  # a defragmentation stops the member until it is done
LATER: Final = (Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.FAILED_PRECONDITION)
"""What passes by itself: no leader, another leader, a change of members put off for 5 s after the last, a learner that
has to catch up."""
SOON: Final = 0.5  # s until that is worth another try
_SILENT: Final = (Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED)


class Etcd:
    """One member; `address` is "host:port". Every call raises RpcError."""

    def __init__(self, address: str, tls: ClientTLS) -> None:
        self.address = address
        self._channel = Channel(address, tls, timeout=DIAL_SECONDS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End the connection and every call on it."""
        await self._channel.close()

    async def serves(self) -> None:
        """Return when a quorum agrees with this member on what was written last: a read that is no member's alone."""
        await self.call("KV/Range", pb.RangeRequest(key=b"health", count_only=True), pb.RangeResponse)

    async def get(self, key: bytes) -> bytes | None:
        """What is at `key`, as a quorum agrees."""
        found = await self.call("KV/Range", pb.RangeRequest(key=key), pb.RangeResponse)
        return found.kvs[0].value if found.kvs else None

    async def put(self, key: bytes, value: bytes) -> None:
        """Written when it returns; when it raises, written or not."""
        await self.call("KV/Put", pb.PutRequest(key=key, value=value), pb.PutResponse)

    async def members(self, *, agreed: bool = True) -> pb.MemberListResponse:
        """All members and the cluster's id; not `agreed`: as this member knows them, though there be no quorum."""
        return await self.call("Cluster/MemberList", pb.MemberListRequest(linearizable=agreed), pb.MemberListResponse)

    async def add_learner(self, peer_urls: Sequence[str]) -> pb.MemberAddResponse:
        """A member that gets everything and votes on nothing."""
        return await self.call(
            "Cluster/MemberAdd", pb.MemberAddRequest(peerURLs=peer_urls, isLearner=True), pb.MemberAddResponse
        )

    async def promote(self, member: int) -> None:
        """Let a learner vote. Refused as FAILED_PRECONDITION until it has caught up with the leader."""
        await self.call("Cluster/MemberPromote", pb.MemberPromoteRequest(ID=member), pb.MemberPromoteResponse)

    async def remove(self, member: int) -> None:
        """End a membership for good; its data are of no use from then on."""
        await self.call("Cluster/MemberRemove", pb.MemberRemoveRequest(ID=member), pb.MemberRemoveResponse)

    async def update(self, member: int, peer_urls: Sequence[str]) -> None:
        """Say where a member's peers find it."""
        await self.call(
            "Cluster/MemberUpdate", pb.MemberUpdateRequest(ID=member, peerURLs=peer_urls), pb.MemberUpdateResponse
        )

    async def status(self) -> pb.StatusResponse:
        """This member's own view; its header has the revision it knows."""
        return await self.call("Maintenance/Status", pb.StatusRequest(), pb.StatusResponse)

    async def alarms(self) -> Sequence[pb.AlarmMember]:
        """What is raised, of all members."""
        return (await self.call("Maintenance/Alarm", pb.AlarmRequest(), pb.AlarmResponse)).alarms

    async def disarm(self, alarm: pb.AlarmMember) -> None:
        """Take an alarm back: the member takes writes again."""
        request = pb.AlarmRequest(
            action=pb.AlarmRequest.AlarmAction.DEACTIVATE, memberID=alarm.memberID, alarm=alarm.alarm
        )
        await self.call("Maintenance/Alarm", request, pb.AlarmResponse)

    async def defragment(self) -> None:
        """Give free pages of this member's database back to its disk; it answers nobody meanwhile."""
        await self.call("Maintenance/Defragment", pb.DefragmentRequest(), pb.DefragmentResponse, UPKEEP_SECONDS)

    async def move_leader(self, member: int) -> None:
        """Hand leadership over; to be asked of the leader."""
        await self.call("Maintenance/MoveLeader", pb.MoveLeaderRequest(targetID=member), pb.MoveLeaderResponse)

    async def downgrade(self, action: pb.DowngradeRequest.DowngradeAction, version: str = "") -> str:
        """Check, begin or call off a storage downgrade; the cluster's version."""
        request = pb.DowngradeRequest(action=action, version=version)
        return (await self.call("Maintenance/Downgrade", request, pb.DowngradeResponse)).version

    async def snapshot(self) -> AsyncIterator[bytes]:
        """The member's whole database, in pieces, followed by its SHA-256."""
        path = "/etcdserverpb.Maintenance/Snapshot"
        async with self._channel.server_stream(path, pb.SnapshotRequest(), pb.SnapshotResponse) as call:
            async for piece in call:
                yield piece.blob

    async def watch(self, key: bytes, revision: int) -> AsyncGenerator[pb.WatchResponse]:
        """What becomes of a key from that revision on, without end."""
        create = pb.WatchCreateRequest(key=key, start_revision=revision)
        path = "/etcdserverpb.Watch/Watch"
        async with self._channel.bidi(path, pb.WatchRequest, pb.WatchResponse) as call:
            await call.send(pb.WatchRequest(create_request=create))
            async for answer in call:
                yield answer

    async def claims(self, method: str, request: Message) -> claims_pb2.Standing:
        """Ask a control plane that runs no etcd (`waiting`); UNIMPLEMENTED from one that does."""
        path = f"/ichor.etcd.Claims/{method}"
        return await self._channel.unary(path, request, claims_pb2.Standing, timeout=DIAL_SECONDS)

    async def call(self, method: str, request: Message, reply: type[R], timeout: float = SECONDS) -> R:
        """One of etcd's methods ("KV/Range") with one request and one reply, for what is not above."""
        return await self._channel.unary(f"/etcdserverpb.{method}", request, reply, timeout=timeout)


async def any_of(etcds: Sequence[Etcd], ask: Callable[[Etcd], Awaitable[T]]) -> T:
    """The answer of the first member that has one, and no is one. Raises NotReady when all are silent, with what kept
    each."""
    silent = []
    for etcd in etcds:
        try:
            return await ask(etcd)
        except RpcError as error:
            if error.code not in _SILENT:
                raise
            silent.append(f"{etcd.address}: {error}")
    raise NotReady("no member of etcd answers" + "".join(f"; {each}" for each in silent))


async def each_of(etcds: Sequence[Etcd], ask: Callable[[Etcd], Awaitable[T]]) -> list[T | RpcError]:
    """Every member's answer, in their order, or what kept it; all are asked at once."""

    async def answer(etcd: Etcd) -> T | RpcError:
        try:
            return await ask(etcd)
        except RpcError as error:
            return error

    return list(await asyncio.gather(*map(answer, etcds)))
