"""MachineService.Events: the event bus over the wire."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from core.node.events import Bus, Tail
from core.rpc.context import Context
from core.rpc.pb.machine import machine_pb2 as pb


@dataclass(frozen=True, slots=True)
class Events:
    """The handler."""

    bus: Bus

    async def events(self, ctx: Context, request: pb.EventsRequest) -> AsyncIterator[pb.Event]:
        """An empty event at once, so that the client knows the stream stands, then what was asked for, without end."""
        tail = Tail(request.tail_events, request.tail_id, request.tail_seconds)
        with self.bus.follow(tail, request.with_actor_id) as follower:
            yield self.bus.hello(request.with_actor_id)
            async for event in follower:
                yield event
