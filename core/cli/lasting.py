"""Streams that outlast the server: whoever follows a log or events goes on where he was when the node's daemons were
replaced under him. Refuses to guess: only what says where it stands is taken up again."""

from collections.abc import AsyncIterator, Callable
from typing import Final, TypeVar

from core.base.backoff import Backoff
from core.base.clock import Clock, SystemClock
from core.base.place import KEY, Place
from core.cli.output import note
from core.cli.target import Node
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.status import Code, RpcError

T = TypeVar("T")
PATIENCE: Final = 60.0  # without an answer; then the node is gone


async def logs(node: Node, request: pb.LogsRequest) -> AsyncIterator[common_pb2.Data]:
    """The log, each record once. A node that tells no place is followed as long as its stream lasts."""
    place: Place | None = None

    async def begin() -> AsyncIterator[common_pb2.Data]:
        nonlocal place
        call = node.stream("machine.MachineService/Logs", request, common_pb2.Data, ((KEY, str(place or "")),))
        told = (await call.initial()).get(KEY)
        place = None if told is None else Place.parse(str(told))
        async for data in call:
            if place is not None:
                place = Place(place.boot, place.sequence + 1)
            yield data

    async for data in lasting(node.name, begin, lambda: place is not None):
        yield data


async def events(node: Node, request: pb.EventsRequest) -> AsyncIterator[pb.Event]:
    """The events, each once. The first message has none, and the id behind which a stream without a past begins."""
    backlog = bool(request.tail_events or request.tail_id or request.tail_seconds)
    last = ""

    async def begin() -> AsyncIterator[pb.Event]:
        nonlocal last
        again = pb.EventsRequest(tail_id=last, with_actor_id=request.with_actor_id) if last else request
        async for event in node.stream("machine.MachineService/Events", again, pb.Event):
            if event.data.type_url or not (last or backlog):
                last = event.id
            if event.data.type_url:
                yield event

    async for event in lasting(node.name, begin, lambda: bool(last)):
        yield event


async def lasting(
    name: str, begin: Callable[[], AsyncIterator[T]], stands: Callable[[], bool], clock: Clock | None = None
) -> AsyncIterator[T]:
    """What `begin` gives, begun anew when the connection is lost while `stands` says that the place is known. Raises
    what the last attempt raised after PATIENCE seconds without an answer."""
    clock, backoff = clock or SystemClock(), Backoff(first=0.05, cap=1.0, first_free=True)
    lost: float | None = None
    while True:
        try:
            async for item in begin():
                backoff.succeeded()
                lost = None
                yield item
        except RpcError as error:
            if error.code is not Code.UNAVAILABLE or not stands():
                raise
            if lost is None:
                lost = clock.monotonic()
                note(f"{name}: {error}; going on from there")
            elif clock.monotonic() - lost > PATIENCE:
                raise
            await clock.sleep(backoff.failed())
        else:
            return
