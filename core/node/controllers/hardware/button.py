"""The power button, a hypervisor's too: a press shuts the node down in order, as its API would. Writes no resource."""

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path

from core.base.errors import Conflict
from core.linux import keys
from core.linux.capabilities import Capabilities
from core.linux.uevents import Listen, since
from core.state import Controller, Scope

_log = logging.getLogger("power")
_BATCH = 64


class PowerButton(Controller):
    """Calls `press` for each press of a power key. Does nothing on a node that is not a machine."""

    name = "hardware.PowerButtonController"

    def __init__(
        self,
        capabilities: Capabilities,
        listen: Listen,
        press: Callable[[], object],
        sys: Path = Path("/sys"),
        dev: Path = Path("/dev"),
    ) -> None:
        self._able = capabilities.uevents and capabilities.power
        self._listen, self._press, self._sys, self._dev = listen, press, sys, dev
        self._open: dict[str, int] = {}

    async def reconcile(self, scope: Scope) -> None:
        return

    async def work(self, scope: Scope) -> None:
        if not self._able:
            return
        try:
            async for event in since(self._look, self._listen):
                if event is None or (event.subsystem == "input" and event.action == "add"):
                    await self._look()
        finally:
            for name in tuple(self._open):
                self._close(name)

    async def _look(self) -> None:
        for name in await asyncio.to_thread(lambda: list(keys.having(self._sys, keys.POWER))):
            if name in self._open:
                continue
            try:
                fd = os.open(self._dev / "input" / name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            except FileNotFoundError:
                continue  # the device left
            self._open[name] = fd
            asyncio.get_running_loop().add_reader(fd, self._readable, name)

    def _readable(self, name: str) -> None:
        try:
            events = os.read(self._open[name], keys.SIZE * _BATCH)
        except BlockingIOError:
            return
        except OSError:
            events = b""
        if not events:  # the device left
            self._close(name)
        elif keys.pressed(events, keys.POWER):
            _log.info("the power button was pressed")
            try:
                self._press()
            except Conflict as error:
                _log.warning("%s", error)

    def _close(self, name: str) -> None:
        fd = self._open.pop(name)
        asyncio.get_running_loop().remove_reader(fd)
        os.close(fd)
