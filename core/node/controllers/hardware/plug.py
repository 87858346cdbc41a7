"""Drivers for devices: at the start for every device that is there (cold plug), then for each that comes (hot plug),
and DevicesStatus once the first is done. The kernel's own requests do not pass here: it runs modprobe itself."""

import asyncio
from pathlib import Path
from typing import Final

from core.codec.uevent import Uevent
from core.linux import modules
from core.linux.capabilities import Capabilities
from core.linux.tool import Run, runner
from core.linux.uevents import Listen, since
from core.node.resources.runtime import DevicesStatus
from core.state import Controller, Scope, exclusive

# a driver makes new devices, whose drivers make more: buses below buses below controllers
_ROUNDS: Final = 5


class Plug(Controller):
    """DevicesStatus (id `devices`). A node that may not load modules says at once that all is there."""

    name = "runtime.DevicesStatusController"
    outputs = (exclusive(DevicesStatus),)

    def __init__(self, capabilities: Capabilities, listen: Listen, sys: Path = Path("/sys"), run: Run = runner) -> None:
        self._able = capabilities.modules and capabilities.uevents
        self._listen, self._sys, self._run = listen, sys, run
        self._ready = not self._able
        self._tried: set[str] = set()

    async def reconcile(self, scope: Scope) -> None:
        scope.put("devices", DevicesStatus(ready=self._ready))

    async def work(self, scope: Scope) -> None:
        if not self._able:
            return

        async def all_there() -> None:
            await self._cold()
            self._ready = True
            scope.wake()

        async for event in since(all_there, self._listen):
            await self._hot(event)

    async def _cold(self) -> None:
        for _ in range(_ROUNDS):
            found = await asyncio.to_thread(modules.coldplug, self._sys)
            fresh = [alias for alias in found if alias not in self._tried]
            if not fresh:
                return
            self._tried.update(fresh)
            await modules.load_for(self._run, fresh)

    async def _hot(self, event: Uevent | None) -> None:
        if event is None:
            self._tried.clear()
            await self._cold()
        elif event.action == "add" and event.modalias and event.modalias not in self._tried:
            self._tried.add(event.modalias)
            await modules.load_for(self._run, [event.modalias])
