"""Our own daemons as services: judged by what the spawner says of their process and heartbeat, never by
dialling them."""

import os
import signal
from collections.abc import AsyncIterator
from typing import Protocol

from core.node.services.supervisor import Supervisor


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


async def follow(news: AsyncIterator[News], services: Supervisor) -> None:
    """Report every item, until cancelled."""
    async for item in news:
        if item.name in services.units:
            running = item.status is None
            services.report(
                item.name, running=running, healthy=running and item.fresh, message=_text(item), pid=item.pid
            )


def _text(item: News) -> str:
    if item.status is None:
        return f"PID {item.pid}" if item.fresh else f"PID {item.pid}: no heartbeat"
    code = os.waitstatus_to_exitcode(item.status)
    return f"exited with code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
