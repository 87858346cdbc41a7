"""What happens to resources: events, the bookmarks that name a place among them, and the history of one kind.

A bookmark is epoch (8 bytes, new in each store) + position (8 bytes, signed): one from an earlier run is refused."""

import enum
import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Generic, TypeVar

from core.state.errors import InvalidBookmark, Overrun
from core.state.resource import Resource, Spec

S = TypeVar("S", bound=Spec, covariant=True)
HISTORY: Final = 1024  # events kept per kind
GAP: Final = 4  # the oldest ones no watch may start at: it would be overrun before its first read
_BOOKMARK: Final = struct.Struct(">8sq")


class Change(enum.Enum):
    """What an event says."""

    CREATED = enum.auto()
    UPDATED = enum.auto()
    DESTROYED = enum.auto()
    BOOTSTRAPPED = enum.auto()  # all that existed at the start has been told
    NOOP = enum.auto()  # nothing but a bookmark


@dataclass(frozen=True, slots=True)
class Event(Generic[S]):
    """One change. `resource` is None for BOOTSTRAPPED and NOOP; `old` is there for UPDATED."""

    change: Change
    resource: Resource[S] | None = None
    old: Resource[S] | None = None
    bookmark: bytes = b""


class History:
    """The last events of one kind. Position n is the n-th event ever; memory grows with need up to HISTORY events."""

    __slots__ = ("_epoch", "_events", "end")

    def __init__(self, epoch: bytes) -> None:
        self._epoch = epoch
        self._events: deque[Event[Any]] = deque(maxlen=HISTORY)
        self.end = 0  # position of the next event

    def append(self, change: Change, resource: Resource[Any], old: Resource[Any] | None = None) -> Event[Any]:
        event = Event(change, resource, old, self.bookmark(self.end))
        self._events.append(event)
        self.end += 1
        return event

    def since(self, position: int) -> Iterator[Event[Any]]:
        """Events from `position` on. Raises Overrun if some of them are gone."""
        start = self.end - len(self._events)
        if position < start:
            raise Overrun(f"watch fell {start - position} events behind the history", remedy="list and watch anew")
        return islice(self._events, position - start, None)

    def tail(self, count: int) -> int:
        """The position from which `count` events (or as many as can be told) remain."""
        return max(0, self.end - min(count, HISTORY - GAP))

    def bookmark(self, position: int) -> bytes:
        return _BOOKMARK.pack(self._epoch, position)

    def after(self, bookmark: bytes) -> int:
        """The position following the bookmarked event. Raises InvalidBookmark."""
        if len(bookmark) != _BOOKMARK.size:
            raise InvalidBookmark("not a bookmark")
        epoch, position = _BOOKMARK.unpack(bookmark)
        if epoch != self._epoch:
            raise InvalidBookmark("bookmark from before a restart", remedy="list and watch anew")
        following = int(position) + 1
        if not max(0, self.end - HISTORY + GAP) <= following <= self.end:
            raise InvalidBookmark("bookmark outside the history", remedy="list and watch anew")
        return following
