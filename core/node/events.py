"""The node's events: what happens, in order, for everybody who asks, now or later. They live in a ring that init holds,
so that a new machined goes on where the last one stopped: same ids, same order, nothing missing but what the ring had
to drop for space. Events are machine.*Event messages; one that stock clients do not know would end their
stream."""

import asyncio
import os
from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Final, Protocol, Self

from google.protobuf.message import Message

from core.base.clock import Clock
from core.base.errors import Exhausted, Invalid
from core.codec.xid import Xid
from core.linux.init import FdTable
from core.rpc.pb.machine import machine_pb2 as pb
from ext.ring.ring import Reader, Ring

NAME: Final = "events"
CAPACITY: Final = 1 << 20
TYPE_URL: Final = "talos/runtime/"
_READ: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Tail:
    """How far back to begin: `events` (negative: all), after `id`, or `seconds`; at most one of them."""

    events: int = 0
    id: str = ""
    seconds: int = 0

    def __post_init__(self) -> None:
        if sum(map(bool, (self.events, self.id, self.seconds))) > 1:
            raise Invalid("only one of tail_events, tail_id and tail_seconds may be given")
        if self.seconds < 0:
            raise Invalid("tail_seconds is negative")


class Publisher(Protocol):
    """What those who have something to tell need of the bus."""

    def publish(self, event: Message, actor_id: str = "") -> None: ...


class Bus:
    """Publishes and follows. One per machined; `followers` are those who listen now."""

    def __init__(self, ring: Ring, clock: Clock) -> None:
        self._ring, self._clock = ring, clock
        self.followers: set[Follower] = set()
        self._last = self._newest() or Xid(int(clock.now()), os.urandom(5), 0)

    @classmethod
    def open(cls, table: FdTable, clock: Clock) -> Self:
        """The ring that init holds; a new one on the first start of a boot."""
        held = table.get(NAME)
        if held is None:
            ring = Ring.create(NAME, CAPACITY)
            table.put(NAME, ring.fileno())
        else:
            try:
                ring = Ring.attach(held)
            finally:
                os.close(held)
        return cls(ring, clock)

    def publish(self, event: Message, actor_id: str = "") -> None:
        """Tell everybody: `event` is a machine.*Event."""
        self._last = self._last.following(self._clock.now())
        envelope = pb.Event(id=str(self._last), actor_id=actor_id)
        envelope.data.type_url = TYPE_URL + event.DESCRIPTOR.full_name
        envelope.data.value = event.SerializeToString()
        self._ring.append(envelope.SerializeToString())
        for follower in tuple(self.followers):
            follower.wake()

    def hello(self, actor_id: str = "") -> pb.Event:
        """An event without content, under the last id there is: whoever comes back with that id misses nothing. Its
        `data` is there, of no type."""
        event = pb.Event(id=str(self._last), actor_id=actor_id)
        event.data.SetInParent()
        return event

    def follow(self, tail: Tail = Tail(), actor_id: str = "") -> "Follower":  # noqa: B008 - an immutable value
        """Events from `tail` on, of that actor alone if one is named. Raises Invalid for an id that is none."""
        start = max(self._start(tail), self._ring.oldest)
        return Follower(Reader(self._ring.fileno(), start), actor_id, self.followers)

    def _start(self, tail: Tail) -> int:
        if tail.events:
            return 0 if tail.events < 0 else max(0, self._ring.next - tail.events)
        if tail.id:
            after = Xid.parse(tail.id)
            return self._first(lambda xid: xid > after)
        if tail.seconds:
            since = int(self._clock.now()) - tail.seconds
            return self._first(lambda xid: xid.seconds >= since)
        return self._ring.next

    def _first(self, wanted: Callable[[Xid], bool]) -> int:
        """The oldest event whose id is wanted; the next one if there is none."""
        with closing(Reader(self._ring.fileno())) as reader:
            while records := reader.read(_READ):
                for sequence, _, record in records:
                    if wanted(_id(record)):
                        return sequence
        return self._ring.next

    def _newest(self) -> Xid | None:
        if self._ring.next == self._ring.oldest:
            return None
        with closing(Reader(self._ring.fileno(), self._ring.next - 1)) as reader:
            return _id(reader.read(_READ)[0][2])


class Follower:
    """An endless asynchronous iterator over events. Close it, or use `with`."""

    def __init__(self, reader: Reader, actor_id: str, followers: "set[Follower]") -> None:
        self._reader, self._actor_id, self._followers = reader, actor_id, followers
        self._ready: deque[pb.Event] = deque()
        self._woken = asyncio.Event()
        followers.add(self)

    def pending(self) -> list[pb.Event]:
        """The events that are there, perhaps none. Raises Exhausted if some were dropped before they could be read."""
        found = []
        while records := self._reader.read(_READ):
            found += [pb.Event.FromString(record) for _, _, record in records]
        if self._reader.lost:
            raise Exhausted(f"{self._reader.lost} events were dropped before they were read", remedy="follow anew")
        return [event for event in found if self._actor_id in ("", event.actor_id)]

    def wake(self) -> None:
        """There may be more."""
        self._woken.set()

    def close(self) -> None:
        self._followers.discard(self)
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> pb.Event:
        while not self._ready:
            self._woken.clear()
            self._ready.extend(self.pending())
            if not self._ready:
                await self._woken.wait()
        return self._ready.popleft()


def _id(record: bytes) -> Xid:
    return Xid.parse(pb.Event.FromString(record).id)
