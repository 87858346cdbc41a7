"""Our own daemons as services: judged by what the spawner says of their process and heartbeat, never by
dialling them."""

import os
import signal
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from core.node.services.states import TABLE, Step
from core.node.services.supervisor import Supervisor

Want = Callable[[str, bool], None]


class News(Protocol):
    """What the spawner tells: a daemon started (`status` None) or ended; `fresh`: its heartbeat is in time."""

    @property
    def name(self) -> str: ...

    @property
    def pid(self) -> int: ...

    @property
    def status(self) -> int | None: ...

    @property
    def fresh(self) -> bool: ...


class Daemons:
    """Reports on all of them, and has those that not every node needs started or ended: `want` asks the spawner, who
    forgets when it is replaced."""

    def __init__(self, want: Want) -> None:
        self._want = want
        self._wanted: dict[str, bool] = {}

    def want(self, id_: str, wanted: bool, services: Supervisor) -> None:
        """This node has a use for the daemon, or none."""
        self._wanted[id_] = wanted
        self._want(id_, wanted)
        if not wanted and (services.unit(id_).state, Step.SKIP) in TABLE:
            services.skip(id_, "not on this type of machine")

    async def follow(self, news: AsyncIterator[News], services: Supervisor) -> None:
        """Report every item, until cancelled."""
        async for item in news:
            _report(item, services)
            if item.name == "spawner" and item.status is None:
                for id_, wanted in self._wanted.items():
                    self._want(id_, wanted)


def _report(item: News, services: Supervisor) -> None:
    if item.name in services.units:
        running = item.status is None
        services.report(item.name, running=running, healthy=running and item.fresh, message=_text(item), pid=item.pid)


def _text(item: News) -> str:
    if item.status is None:
        return f"PID {item.pid}" if item.fresh else f"PID {item.pid}: no heartbeat"
    code = os.waitstatus_to_exitcode(item.status)
    return f"exited with code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
