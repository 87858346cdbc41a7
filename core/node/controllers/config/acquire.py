"""-> MachineConfig: the config in force, from STATE at boot and from whoever applies one later. Owns what is stored
and the trial of a config that reverts by itself; both what is in force and a trial survive machined."""

import asyncio
import logging
from enum import Enum
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from core.base.clock import Clock
from core.base.errors import IchorError, Invalid, NotReady
from core.config import Config, load
from core.node.machineconfig import ACTIVE, parsed
from core.node.resources.block import MountStatus, VolumePhase, VolumeStatus
from core.node.resources.config import AcquireConfigStatus, MachineConfig
from core.node.resources.runtime import Diagnostic
from core.node.state_files import StateFiles
from core.node.survivor import Survivor
from core.rpc.pb.machine import machine_pb2 as pb
from core.state import Controller, Scope, exclusive, shared, weak

_log = logging.getLogger("config")
PERSISTENT: Final = "persistent"
_VOLUME: Final = VolumeStatus.at("STATE")
_MOUNT: Final = MountStatus.at("STATE")
FOLDER: Final = Path("/system/state")
STORE_SECONDS: Final = 60.0


class Mode(Enum):
    """How a config is applied: at once and for good, for the next boot alone, or for a while."""

    NOW = "no-reboot"
    STAGED = "staged"
    TRY = "try"


class InForce(msgspec.Struct, frozen=True):
    """What survives machined: the config in force, and one on trial (empty: none) with its end in seconds of the boot
    clock. It dies with the boot, and the next takes what is stored."""

    data: bytes = b""
    trial: bytes = b""
    until: float = 0.0


class Publisher(Protocol):
    """The event bus."""

    def publish(self, event: Any, actor_id: str = "") -> object: ...


class Acquire(Controller):
    """Ids `v1alpha1` (in force) and `persistent` (what the next boot takes)."""

    name = "config.AcquireController"
    inputs = (weak(_VOLUME), weak(_MOUNT))
    outputs = (exclusive(MachineConfig), exclusive(AcquireConfigStatus), shared(Diagnostic))

    def __init__(self, record: Survivor[InForce], clock: Clock, events: Publisher, folder: Path = FOLDER) -> None:
        self._record, self._clock, self._events = record, clock, events
        self._files = StateFiles(folder)
        self._read = False
        self._kept = b""  # on STATE, or on its way there
        self._stored = b""  # on STATE
        self._storing = asyncio.Event()
        self._scope: Scope | None = None

    @property
    def active(self) -> bytes:
        """The config in force; empty when there is none."""
        now = self._in_force
        return now.trial if self._trial_left() > 0 else now.data

    async def apply(self, data: bytes, mode: Mode, trial_seconds: float = 60.0) -> Config:
        """Validate and put in force. Returns when it is stored (not for a trial). Raises ConfigErrors, and NotReady if
        STATE does not take it in time; it is in force even then."""
        config = parsed(data)
        if not config.complete:
            raise Invalid("the config has no machine section", remedy="apply one that `ichorctl gen config` made")
        if mode is not Mode.NOW and not self.active:
            raise Invalid("there is no config yet", remedy="apply the first one without a mode")
        if mode is Mode.TRY:
            self._record.save(InForce(self._in_force.data, data, self._clock.monotonic() + trial_seconds))
        elif mode is Mode.NOW:
            self._record.save(InForce(data))
        if mode is not Mode.TRY:
            self._kept = data
        self._wake()
        if mode is not Mode.TRY:
            await self._until_stored(data)
        return config

    async def reconcile(self, scope: Scope) -> None:
        self._scope = scope
        volume = scope.find(_VOLUME)
        if scope.find(_MOUNT) is not None:
            self._exchange(scope)
        missing = volume is not None and volume.spec.phase is VolumePhase.MISSING
        if self._read or missing or self.active:
            scope.put("config", AcquireConfigStatus())
        wanted = {ACTIVE: self.active, PERSISTENT: self._kept}
        scope.sync(MachineConfig.all(), {k: MachineConfig(yaml_marshalled=v) for k, v in wanted.items() if v})
        if (left := self._trial_left()) > 0:
            scope.later(left)

    def _exchange(self, scope: Scope) -> None:
        """Read STATE once, then write to it whatever is kept and not there yet."""
        if not self._read and not self._kept:
            self._load(scope)
        self._read = True
        if self._kept and self._kept != self._stored:
            self._files.save_config(self._kept, load)
            self._stored = self._kept
            _log.info("config stored, %d bytes", len(self._kept))
            self._storing.set()

    def _load(self, scope: Scope) -> None:
        try:
            stored = self._files.load_config(load)
        except IchorError as error:
            scope.put("config", Diagnostic(message="the stored config cannot be used", details=(str(error),)))
            self._events.publish(pb.ConfigLoadErrorEvent(error=str(error)))
            raise
        if stored is None:
            return
        for problem in stored.problems:
            _log.error("fell back to the previous config: %s", problem)
            self._events.publish(pb.ConfigLoadErrorEvent(error=problem))
        self._kept = self._stored = stored.data
        if not self._in_force.data:
            self._record.save(InForce(stored.data))

    async def _until_stored(self, data: bytes) -> None:
        try:
            async with asyncio.timeout(STORE_SECONDS):
                while self._stored != data:
                    self._storing.clear()
                    await self._storing.wait()
        except TimeoutError:
            raise NotReady(
                "the config is in force but not stored: STATE is not ready", remedy="ichorctl get volumestatus"
            ) from None

    @property
    def _in_force(self) -> InForce:
        return self._record.load() or InForce()

    def _trial_left(self) -> float:
        now = self._in_force
        return now.until - self._clock.monotonic() if now.trial else 0.0

    def _wake(self) -> None:
        if self._scope is not None:
            self._scope.wake()
