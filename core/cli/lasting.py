"""Streams that outlast the server: whoever follows a log or events goes on where he was when the node's daemons were
replaced under him. Refuses to guess: only what says where it stands is taken up again."""

from collections.abc import AsyncIterator, Callable
from typing import Final, Protocol, TypeVar

from google.protobuf.message import Message

from core.base.backoff import Backoff
from core.base.clock import Clock, SystemClock
from core.base.place import KEY, Place
from core.cli.output import note
from core.cli.target import Node
from core.rpc.call import Call
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.status import Code, RpcError

T = TypeVar("T")
Res = TypeVar("Res", bound=Message)
PATIENCE: Final = 60.0  # without an answer; then the node is gone


class Streams(Protocol):
    """Whoever makes streaming calls of a node."""

    def stream(
        self, path: str, request: Message, reply: type[Res], metadata: tuple[tuple[str, str], ...] = ()
    ) -> Call[bytes, Res]:
        """Iterate for its replies."""


class Logs:
    """A log and where in it we are: each `begin` goes on behind the last record, so that each comes once. `known` says
    whether the node tells places at all; where it does not, a log is followed as long as its stream lasts."""

    def __init__(self, request: pb.LogsRequest) -> None:
        self._request = request
        self._place: Place | None = None

    @property
    def known(self) -> bool:
        return self._place is not None

    async def begin(self, node: Streams) -> AsyncIterator[common_pb2.Data]:
        """The log from here on."""
        place = ((KEY, str(self._place or "")),)
        async with node.stream("machine.MachineService/Logs", self._request, common_pb2.Data, place) as call:
            told = (await call.initial()).get(KEY)
            self._place = None if told is None else Place.parse(str(told))
            async for data in call:
                if self._place is not None:
                    self._place = Place(self._place.boot, self._place.sequence + 1)
                yield data


class Events:
    """The events and where among them we are, by their ids; each comes once. A stream's first message has no event, and
    the id behind which a stream without a past begins."""

    def __init__(self, request: pb.EventsRequest) -> None:
        self._request = request
        self._backlog = bool(request.tail_events or request.tail_id or request.tail_seconds)
        self._last = ""

    @property
    def known(self) -> bool:
        return bool(self._last)

    async def begin(self, node: Streams) -> AsyncIterator[pb.Event]:
        """The events from here on."""
        last, actor = self._last, self._request.with_actor_id
        again = pb.EventsRequest(tail_id=last, with_actor_id=actor) if last else self._request
        async with node.stream("machine.MachineService/Events", again, pb.Event) as call:
            async for event in call:
                if event.data.type_url or not (self._last or self._backlog):
                    self._last = event.id
                if event.data.type_url:
                    yield event


async def logs(node: Node, request: pb.LogsRequest) -> AsyncIterator[common_pb2.Data]:
    """The log, each record once. A node that tells no place is followed as long as its stream lasts."""
    log = Logs(request)
    async for data in lasting(node.name, lambda: log.begin(node), lambda: log.known):
        yield data


async def events(node: Node, request: pb.EventsRequest) -> AsyncIterator[pb.Event]:
    """The events, each once."""
    followed = Events(request)
    async for event in lasting(node.name, lambda: followed.begin(node), lambda: followed.known):
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
