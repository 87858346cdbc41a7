"""TimeServerStatus -> the clock -> TimeStatus, TimeOffset. The clock is never before the image's build, nor before the
last time that STATE remembers. Offsets are slewed; a large one is stepped, the first at once, a later one only when a
second question says the same. Nothing ever waits for time here: what needs it waits for TimeStatus."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from core.base.backoff import Backoff
from core.base.clock import Clock
from core.base.errors import IchorError
from core.codec.ntp import Sample
from core.linux import timekeeping
from core.linux.timekeeping import Steering
from core.node import machineconfig
from core.node.resources.block import MountStatus
from core.node.resources.config import MachineConfig
from core.node.resources.network import NetworkStatus, TimeServerStatus
from core.node.resources.time import TimeOffset, TimeStatus
from core.state import Controller, Scope, exclusive, weak

log = logging.getLogger("time")
Query = Callable[[str], Awaitable[Sample]]

STEP: Final = 0.128  # seconds; what is less is slewed, as ntpd does
FIRST_POLL, LAST_POLL = 64.0, 1024.0
CONFIG: Final = MachineConfig.at(machineconfig.ACTIVE)
SERVERS: Final = TimeServerStatus.at("timeservers")
NETWORK: Final = NetworkStatus.at("status")
STATE: Final = MountStatus.at("STATE")
FILE: Final = Path("/system/state/clock")


class TimeSync(Controller):
    """Id `node`. `steering` None means that the clock is not this node's: then it counts as right."""

    name = "time.SyncController"
    inputs = (weak(CONFIG), weak(SERVERS), weak(NETWORK), weak(STATE))
    outputs = (exclusive(TimeStatus), exclusive(TimeOffset))

    def __init__(
        self,
        query: Query,
        clock: Clock,
        steering: Steering | None,
        built: float,
        file: Path = FILE,
    ) -> None:
        self._query, self._clock, self._steering = query, clock, steering
        self._built, self._file = built, file
        self._synced, self._epoch = False, 0
        self._servers: tuple[str, ...] = ()
        self._began = clock.monotonic()
        self._mounted = False
        self._ask = asyncio.Event()

    async def reconcile(self, scope: Scope) -> None:
        config = scope.find(CONFIG)
        settings = machineconfig.of(config).v1alpha1.machine.time if config is not None else None
        disabled = self._steering is None or (settings is not None and settings.disabled)
        if scope.find(STATE) is not None and not self._mounted:
            self._mounted = True
            self._raise_to(timekeeping.last_known(self._file))
        servers = scope.find(SERVERS)
        network = scope.find(NETWORK)
        ready = network is not None and network.spec.connectivity_ready
        wanted = servers.spec.ntp_servers if servers is not None and ready and not disabled else ()
        if wanted != self._servers:
            self._servers = wanted
            self._ask.set()
        patience = settings.boot_timeout if settings is not None else None
        waited = self._clock.monotonic() - self._began
        if patience and not self._synced and waited < patience:
            scope.later(patience - waited)
        excused = bool(patience) and waited >= (patience or 0.0)
        scope.put(
            "node", TimeStatus(synced=self._synced or disabled or excused, epoch=self._epoch, sync_disabled=disabled)
        )

    async def work(self, scope: Scope) -> None:
        self._raise_to(self._built)
        failures = Backoff(first=1.0, cap=32.0)
        poll = FIRST_POLL
        while True:
            servers = self._servers
            self._ask.clear()
            sample = await self._first(servers)
            if sample is None:
                await self._pause(failures.failed() if servers else None)
                continue
            failures.succeeded()
            scope.put("node", TimeOffset(offset=sample.offset, asked=self._clock.now()))
            settled = await self._adjust(sample, servers)
            if settled:
                self._synced = True
                if self._mounted:
                    timekeeping.remember(self._file, self._clock.now())
            poll = min(LAST_POLL, poll * 2) if settled and abs(sample.offset) < STEP / 8 else FIRST_POLL
            scope.wake()
            await self._pause(poll)

    async def _first(self, servers: tuple[str, ...]) -> Sample | None:
        """What the first server that answers says."""
        for server in servers:
            try:
                return await self._query(server)
            except (OSError, IchorError) as error:
                log.info("time server %s: %s", server, error)
        return None

    async def _adjust(self, sample: Sample, servers: tuple[str, ...]) -> bool:
        """Bring the clock in line; whether it is now as far as this sample can tell."""
        assert self._steering is not None  # without one there are no servers
        if abs(sample.offset) < STEP:
            self._steering.slew(sample.offset)
            return True
        if self._synced:
            again = await self._first(servers)
            if again is None or abs(again.offset - sample.offset) > STEP:
                log.warning("a jump of %+.3f s is not believed", sample.offset)
                return False
            sample = again
        log.info("the clock is set by %+.3f s", sample.offset)
        self._steering.step(sample.offset)
        self._epoch += 1
        return True

    def _raise_to(self, floor: float) -> None:
        behind = floor - self._clock.now()
        if self._steering is not None and behind > 0:
            log.info("the clock is before %d and set there", int(floor))
            self._steering.step(behind)
            self._epoch += 1

    async def _pause(self, seconds: float | None) -> None:
        """Sleep, or until servers change."""
        if seconds is None:
            await self._ask.wait()
            return
        async with asyncio.TaskGroup() as group:
            alarm = group.create_task(self._ring(seconds))
            await self._ask.wait()
            alarm.cancel()

    async def _ring(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._ask.set()
