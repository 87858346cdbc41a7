"""Our own daemons as services: judged by what the spawner says of their process and heartbeat, never by
dialling them."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

from core.node.services.states import TABLE, Step
from core.node.services.supervisor import Supervisor

_log = logging.getLogger("daemons")
Want = Callable[[str, bool], None]
# the name of the call for which the kernel lately killed a process of this short name; empty if it does not say
Refused = Callable[[str], Awaitable[str]]


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
    forgets when it is replaced. `refused` is asked for the system call that one was killed for, which is logged when
    it is known; nobody waits for it."""

    def __init__(self, want: Want, refused: Refused) -> None:
        self._want, self._refused = want, refused
        self._wanted: dict[str, bool] = {}

    def want(self, id_: str, wanted: bool, services: Supervisor) -> None:
        """This node has a use for the daemon, or none."""
        self._wanted[id_] = wanted
        self._want(id_, wanted)
        if not wanted and (services.unit(id_).state, Step.SKIP) in TABLE:
            services.skip(id_, "not on this type of machine")

    async def follow(self, news: AsyncIterator[News], services: Supervisor) -> None:
        """Report every item, until cancelled."""
        async with asyncio.TaskGroup() as group:
            async for item in news:
                _report(item, services)
                if item.status is not None and _filtered(item.status):
                    group.create_task(self._name_call(item.name), name=f"death of {item.name}")
                if item.name == "spawner" and item.status is None:
                    for id_, wanted in self._wanted.items():
                        self._want(id_, wanted)

    async def _name_call(self, name: str) -> None:
        if call := await self._refused(f"ichor-{name}"):
            _log.error("%s was killed for calling %s", name, call)


def _filtered(status: int) -> bool:
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGSYS


def _report(item: News, services: Supervisor) -> None:
    if item.name in services.units:
        running = item.status is None
        if not running:
            _log.warning("%s: %s", item.name, _text(item))
        services.report(item.name, running=running, healthy=running and item.fresh, message=_text(item), pid=item.pid)


def _text(item: News) -> str:
    if item.status is None:
        return f"PID {item.pid}" if item.fresh else f"PID {item.pid}: no heartbeat"
    code = os.waitstatus_to_exitcode(item.status)
    return f"exited with code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
