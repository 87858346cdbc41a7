"""What nodes have left with a control plane: kept in memory, for whoever asks; each is forgotten some time after it was
last left. The next machined begins with nothing, and every node leaves its own again within a second."""

import asyncio
from collections.abc import Iterator
from typing import Final, NamedTuple

from core.base.clock import Clock
from core.base.errors import Exhausted

LIFETIME: Final = 1800.0
"""Seconds that a node may be away before it is forgotten."""
MOST: Final = 1024


class Entry(NamedTuple):
    """`left` in seconds."""

    node_id: str
    sealed: bytes
    left: float


class _Held(NamedTuple):
    sealed: bytes
    stamp: int
    until: float


class Table:
    """By node id. `revision` is another one after each change, and in each table."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self.revision = int(clock.now() * 1e6) + 1
        self._changed = asyncio.Event()

    def leave(self, node_id: str, sealed: bytes, stamp: int) -> None:
        """Keep it, or keep it longer; nothing if a newer one is there. Raises Exhausted."""
        self._forget()
        held = self._held.get(node_id)
        if held is None and len(self._held) >= MOST:
            raise Exhausted(f"{MOST} nodes are known already")
        if held is not None and held.stamp > stamp:
            return
        self._held[node_id] = _Held(sealed, stamp, self._clock.monotonic() + LIFETIME)
        if held is None or held.sealed != sealed:
            self._change()

    def entries(self) -> Iterator[Entry]:
        """All that are not forgotten."""
        self._forget()
        now = self._clock.monotonic()
        for node_id, held in self._held.items():
            yield Entry(node_id, held.sealed, held.until - now)

    async def beyond(self, revision: int) -> None:
        """Come back when the table is another one than at that revision."""
        while self.revision == revision:
            await self._changed.wait()

    def _forget(self) -> None:
        now = self._clock.monotonic()
        gone = [node_id for node_id, held in self._held.items() if held.until <= now]
        for node_id in gone:
            del self._held[node_id]
        if gone:
            self._change()

    def _change(self) -> None:
        self.revision += 1
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
