"""How this node's member of etcd does, and what keeps it well: status, alarms, defragmentation, snapshots, downgrades
of its storage. What etcd refuses is passed on in its own words."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.empty_pb2 import Empty

from core.node.etcd.place import Place
from core.rpc.pb.common import common_pb2
from core.rpc.pb.etcd import rpc_pb2 as etcd
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.service import Method, server_stream, unary


def methods(place: Place) -> dict[str, Method]:
    """What is served from here."""
    upkeep = Upkeep(place)
    return {
        "EtcdStatus": unary(upkeep.status, Empty, pb.EtcdStatusResponse),
        "EtcdAlarmList": unary(upkeep.alarm_list, Empty, pb.EtcdAlarmListResponse),
        "EtcdAlarmDisarm": unary(upkeep.alarm_disarm, Empty, pb.EtcdAlarmDisarmResponse),
        "EtcdDefragment": unary(upkeep.defragment, Empty, pb.EtcdDefragmentResponse),
        "EtcdSnapshot": server_stream(upkeep.snapshot, pb.EtcdSnapshotRequest, common_pb2.Data),
        "EtcdDowngradeValidate": unary(
            upkeep.downgrade_validate, pb.EtcdDowngradeValidateRequest, pb.EtcdDowngradeValidateResponse
        ),
        "EtcdDowngradeEnable": unary(
            upkeep.downgrade_enable, pb.EtcdDowngradeEnableRequest, pb.EtcdDowngradeEnableResponse
        ),
        "EtcdDowngradeCancel": unary(upkeep.downgrade_cancel, Empty, pb.EtcdDowngradeCancelResponse),
    }


@dataclass(frozen=True, slots=True)
class Upkeep:
    """The handlers. Each raises what `Place.member` does, and RpcError of etcd's."""

    place: Place

    async def status(self, ctx: Any, request: Empty) -> pb.EtcdStatusResponse:
        """The member's own view."""
        status = await self.place.member.status()
        member = pb.EtcdMemberStatus(
            storage_version=status.storageVersion,
            member_id=status.header.member_id,
            protocol_version=status.version,
            db_size=status.dbSize,
            db_size_in_use=status.dbSizeInUse,
            leader=status.leader,
            raft_index=status.raftIndex,
            raft_term=status.raftTerm,
            raft_applied_index=status.raftAppliedIndex,
            errors=status.errors,
            is_learner=status.isLearner,
        )
        return pb.EtcdStatusResponse(messages=[pb.EtcdStatus(member_status=member)])

    async def alarm_list(self, ctx: Any, request: Empty) -> pb.EtcdAlarmListResponse:
        """What is raised, of all members."""
        alarms = [_alarm(alarm) for alarm in await self.place.member.alarms()]
        return pb.EtcdAlarmListResponse(messages=[pb.EtcdAlarm(member_alarms=alarms)])

    async def alarm_disarm(self, ctx: Any, request: Empty) -> pb.EtcdAlarmDisarmResponse:
        """Take all of them back; which they were."""
        alarms = await self.place.member.alarms()
        for alarm in alarms:
            await self.place.member.disarm(alarm)
        disarmed = pb.EtcdAlarmDisarm(member_alarms=[_alarm(alarm) for alarm in alarms])
        return pb.EtcdAlarmDisarmResponse(messages=[disarmed])

    async def defragment(self, ctx: Any, request: Empty) -> pb.EtcdDefragmentResponse:
        """Answered when it is done."""
        await self.place.member.defragment()
        return pb.EtcdDefragmentResponse(messages=[pb.EtcdDefragment()])

    async def snapshot(self, ctx: Any, request: pb.EtcdSnapshotRequest) -> AsyncIterator[common_pb2.Data]:
        """The database, with its SHA-256 at the end, which restoring checks."""
        async for piece in self.place.member.snapshot():
            yield common_pb2.Data(bytes=piece)

    async def downgrade_validate(
        self, ctx: Any, request: pb.EtcdDowngradeValidateRequest
    ) -> pb.EtcdDowngradeValidateResponse:
        """Whether the storage can be written as that version would."""
        told = await self._downgrade(etcd.DowngradeRequest.VALIDATE, request.version)
        message = pb.EtcdDowngradeValidate(cluster_downgrade=told)
        return pb.EtcdDowngradeValidateResponse(messages=[message])

    async def downgrade_enable(
        self, ctx: Any, request: pb.EtcdDowngradeEnableRequest
    ) -> pb.EtcdDowngradeEnableResponse:
        """Begin it, for all members."""
        told = await self._downgrade(etcd.DowngradeRequest.ENABLE, request.version)
        return pb.EtcdDowngradeEnableResponse(messages=[pb.EtcdDowngradeEnable(cluster_downgrade=told)])

    async def downgrade_cancel(self, ctx: Any, request: Empty) -> pb.EtcdDowngradeCancelResponse:
        """Call it off."""
        told = await self._downgrade(etcd.DowngradeRequest.CANCEL)
        return pb.EtcdDowngradeCancelResponse(messages=[pb.EtcdDowngradeCancel(cluster_downgrade=told)])

    async def _downgrade(
        self, action: etcd.DowngradeRequest.DowngradeAction, version: str = ""
    ) -> pb.EtcdClusterDowngrade:
        return pb.EtcdClusterDowngrade(cluster_version=await self.place.member.downgrade(action, version))


def _alarm(alarm: etcd.AlarmMember) -> pb.EtcdMemberAlarm:
    kind = pb.EtcdMemberAlarm.AlarmType.Name(alarm.alarm)  # the same numbers, under the same names
    return pb.EtcdMemberAlarm(member_id=alarm.memberID, alarm=kind)
