"""ServiceList: every service with its state, health and latest events. ServiceStart, ServiceStop and ServiceRestart of
those that leave it to an operator."""

from typing import Any

from google.protobuf.empty_pb2 import Empty

from core.base.errors import Conflict, Denied, NotFound
from core.node.api.stamp import timestamp
from core.node.node import Node
from core.node.services.service import Operation
from core.node.services.unit import Happening, Unit
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.status import Code, RpcError


class Listing:
    """All services in one message, which is made anew when one of them has changed."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._changes = -1
        self._reply = pb.ServiceListResponse()

    async def service_list(self, ctx: Any, request: Empty) -> pb.ServiceListResponse:
        """By id, as they are once a new machined knows what became of its predecessor."""
        await self._node.runtime.rested()
        units = self._node.services.units
        changes = sum(unit.changes for unit in units.values())
        if changes != self._changes:
            self._changes = changes
            infos = [_info(units[id_]) for id_ in sorted(units)]
            self._reply = pb.ServiceListResponse(messages=[pb.ServiceList(services=infos)])
        return self._reply


async def service_start(node: Node, ctx: Any, request: pb.ServiceStartRequest) -> pb.ServiceStartResponse:
    """Answered when it is wanted, not when it is up; one that runs goes on."""
    _allow(node, request.id, Operation.START)
    node.services.start(request.id)
    return pb.ServiceStartResponse(messages=[pb.ServiceStart(resp=f'Service "{request.id}" started')])


async def service_stop(node: Node, ctx: Any, request: pb.ServiceStopRequest) -> pb.ServiceStopResponse:
    """Answered when nothing of it lives."""
    _allow(node, request.id, Operation.STOP)
    await node.services.stop(request.id)
    return pb.ServiceStopResponse(messages=[pb.ServiceStop(resp=f'Service "{request.id}" stopped')])


async def service_restart(node: Node, ctx: Any, request: pb.ServiceRestartRequest) -> pb.ServiceRestartResponse:
    """Stop and start, with what comes after it; one that does not run is started."""
    _allow(node, request.id, Operation.RESTART)
    await node.services.restart(request.id)
    node.services.start(request.id)
    return pb.ServiceRestartResponse(messages=[pb.ServiceRestart(resp=f'Service "{request.id}" restarted')])


def _allow(node: Node, id_: str, operation: Operation) -> None:
    """Clients know both refusals by their text alone; the code is Unknown."""
    try:
        node.services.allow(id_, operation)
    except (NotFound, Denied) as error:
        raise RpcError(Code.UNKNOWN, str(error)) from None
    current = node.lifecycle.current
    if current is not None and node.lifecycle.sequences[current.sequence].final:
        raise Conflict(f"no service is started or stopped any more: {current.sequence} is running")


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
            last_change=timestamp(record.health_time),
        ),
    )


def _event(happening: Happening) -> pb.ServiceEvent:
    return pb.ServiceEvent(msg=happening.message, state=happening.state.value, ts=timestamp(happening.time))
