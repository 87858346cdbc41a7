"""Following one resource or one kind. A watch owns a position in a history and nothing else: it never slows the store,
and one that falls too far behind is told so (Overrun) instead of missing events in silence."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar

from core.state.events import Change, Event, History
from core.state.metadata import Metadata
from core.state.resource import Spec

S = TypeVar("S", bound=Spec, covariant=True)


class Watch(Generic[S]):
    """An asynchronous iterator over events in the order in which they happened. Close it, or use `with`."""

    def __init__(
        self,
        history: History,
        wakers: set[Callable[[], None]],
        matches: Callable[[Metadata], bool],
        position: int,
        first: list[Event[Any]],
    ) -> None:
        self._history, self._wakers, self._matches = history, wakers, matches
        self._position = position
        self._ready: deque[Event[Any]] = deque(first)
        self._waiting: asyncio.Future[None] | None = None
        wakers.add(self._wake)

    async def batch(self) -> list[Event[S]]:
        """All events that are there, at least one. Raises Overrun."""
        while not (events := self.pending()):
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        return events

    def pending(self) -> list[Event[S]]:
        """All events that are there, perhaps none. Raises Overrun."""
        events: list[Event[Any]] = list(self._ready)
        self._ready.clear()
        for event in self._history.since(self._position):
            seen = self._seen(event)
            if seen is not None:
                events.append(seen)
        self._position = self._history.end
        return events

    def close(self) -> None:
        self._wakers.discard(self._wake)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event[S]:
        if not self._ready:
            self._ready.extend(await self.batch())
        return self._ready.popleft()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _seen(self, event: Event[Any]) -> Event[Any] | None:
        """The event as somebody sees it who sees only what matches: an update can let a resource appear or vanish."""
        assert event.resource is not None
        now = self._matches(event.resource.md)
        if event.old is None:
            return event if now else None
        before = self._matches(event.old.md)
        if now and before:
            return event
        if now:
            return Event(Change.CREATED, event.resource, None, event.bookmark)
        return Event(Change.DESTROYED, event.old, None, event.bookmark) if before else None
