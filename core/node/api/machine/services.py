"""ServiceList: every service with its state, health and latest events."""

from typing import Any

from google.protobuf.empty_pb2 import Empty
from google.protobuf.timestamp_pb2 import Timestamp

from core.node.node import Node
from core.node.services.unit import Happening, Unit
from core.rpc.pb.machine import machine_pb2 as pb


async def service_list(node: Node, ctx: Any, request: Empty) -> pb.ServiceListResponse:
    """One message with all of them, by id, as they are once a new machined knows what became of its predecessor."""
    await node.runtime.rested()
    units = [node.services.units[id_] for id_ in sorted(node.services.units)]
    return pb.ServiceListResponse(messages=[pb.ServiceList(services=[_info(unit) for unit in units])])


def _info(unit: Unit) -> pb.ServiceInfo:
    record = unit.record
    return pb.ServiceInfo(
        id=unit.service.id,
        state=record.state.value,
        events=pb.ServiceEvents(events=[_event(happening) for happening in record.happenings]),
        health=pb.ServiceHealth(
            unknown=not record.known,
            healthy=record.healthy,
            last_message=record.health_message,
            last_change=_time(record.health_time),
        ),
    )


def _event(happening: Happening) -> pb.ServiceEvent:
    return pb.ServiceEvent(msg=happening.message, state=happening.state.value, ts=_time(happening.time))


def _time(seconds: float) -> Timestamp:
    stamp = Timestamp()
    stamp.FromNanoseconds(int(seconds * 10**9))
    return stamp
