"""What a person looks at, and the signal by which everything that waits learns of a change. Sources of what nobody
looks at rest, so that a slow link carries only what is seen."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum


class Tab(StrEnum):
    """The pages."""

    OVERVIEW = "overview"
    PROCESSES = "processes"
    SERVICES = "services"
    LOGS = "logs"
    EVENTS = "events"
    NETWORK = "network"
    DISKS = "disks"


@dataclass(frozen=True, slots=True)
class Look:
    """One state of a person's attention. While `paused` no node is asked anything; streams that are open stay so."""

    node: str
    tab: Tab = Tab.OVERVIEW
    log: str = ""  # the log that is followed, on the page of logs
    paused: bool = False


class Signal:
    """Wakes everyone who waits, each time that something changes."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def fire(self) -> None:
        """Something changed."""
        event, self._event = self._event, asyncio.Event()
        event.set()

    async def until(self, condition: Callable[[], object]) -> None:
        """Return once the condition holds; it is asked now and at each change."""
        while not condition():
            await self._event.wait()


class Attention:
    """The look of now. Views turn it, sources follow it."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self.signal = Signal()

    def turn(self, **changes: str | bool) -> None:
        """Look elsewhere."""
        look = replace(self.look, **changes)  # type: ignore[arg-type] # its callers name fields, of their types
        if look != self.look:
            self.look = look
            self.signal.fire()
