"""One service's state as it happened: the step table applied, the last 64 events, health, restarts. Listeners hear of
every change. Knows no process, and no clock but the one it stamps with."""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from core.base.clock import Clock
from core.node.services.service import Service
from core.node.services.states import State, Step, after

KEPT: Final = 64


class Happening(msgspec.Struct, frozen=True):
    """An event in a service's life; `time` in Unix seconds."""

    state: State
    message: str
    time: float


class Record(msgspec.Struct):
    """What outlives machined. `wanted`: nobody has stopped it; `start_time` with `pid` names its process for good."""

    state: State = State.INITIALIZED
    happenings: list[Happening] = []
    restarts: int = 0
    wanted: bool = False
    pid: int = 0
    start_time: int = 0
    known: bool = False
    healthy: bool = False
    health_message: str = ""
    health_time: float = 0.0


class Unit:
    """A service and its record; `listener` hears of every change, with the happening if there is one. `changes` counts
    them."""

    def __init__(
        self, service: Service, record: Record, clock: Clock, listener: Callable[["Unit", Happening | None], None]
    ) -> None:
        self.service, self.record, self.changes = service, record, 0
        self._clock, self._listener = clock, listener
        self._changed = asyncio.Event()

    @property
    def state(self) -> State:
        """Where it stands."""
        return self.record.state

    @property
    def up(self) -> bool:
        """Whether others may rely on it."""
        if self.state is State.SKIPPED:
            return True
        judged = self.service.health is not None or not self.service.ours  # by us, or by whoever runs it
        return self.state is State.RUNNING and (self.record.healthy or not judged)

    def step(self, step: Step, message: str) -> None:
        """Go where the table says. Raises KeyError for what cannot happen here."""
        state = after(self.state, step)
        happening = Happening(state, message, self._clock.now())
        self.record.state = state
        self.record.happenings = [*self.record.happenings, happening][-KEPT:]
        if state is not State.RUNNING:
            self.record.known = self.record.healthy = False
        self._tell(happening)

    def judge(self, healthy: bool, message: str = "") -> None:
        """Note a health check's outcome; only a change is a change."""
        record = self.record
        if record.known and record.healthy == healthy and record.health_message == message:
            return
        turned = not record.known or record.healthy != healthy
        record.known, record.healthy, record.health_message = True, healthy, message
        happening = None
        if turned:
            record.health_time = self._clock.now()
            text = "Health check successful" if healthy else f"Health check failed: {message}"
            happening = Happening(record.state, text, record.health_time)
            record.happenings = [*record.happenings, happening][-KEPT:]
        self._tell(happening)

    def mirror(self, other: Record, happening: Happening | None) -> None:
        """Be what another unit is: one process answers for both."""
        mine = self.record
        mine.state, mine.restarts = other.state, other.restarts
        mine.known, mine.healthy = other.known, other.healthy
        mine.health_message, mine.health_time = other.health_message, other.health_time
        if happening is not None:
            mine.happenings = [*mine.happenings, happening][-KEPT:]
        self._tell(happening)

    def note(self) -> None:
        """Say that the record changed in a way that is no event."""
        self._tell(None)

    async def until(self, holds: Callable[["Unit"], bool]) -> None:
        """Return once `holds` is true of this unit."""
        while not holds(self):
            await self._changed.wait()

    def _tell(self, happening: Happening | None) -> None:
        self.changes += 1
        changed, self._changed = self._changed, asyncio.Event()
        self._listener(self, happening)
        changed.set()
