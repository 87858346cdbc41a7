"""-> MachineConfig: the config in force, from STATE at boot and from whoever applies one later. Owns what is stored
and the trial of a config that reverts by itself. What is in force, a trial, and that something has still to be stored
survive machined. A config that STATE brings wins over one that was applied before STATE was there."""

import asyncio
import logging
from enum import Enum
from pathlib import Path
from typing import Final

import msgspec

from core.base.clock import Clock
from core.base.errors import Conflict, IchorError, Invalid, NotReady
from core.config.load import Config, load
from core.node.events import Publisher
from core.node.machineconfig import ACTIVE, parsed
from core.node.resources.block import MountStatus, VolumePhase, VolumeStatus
from core.node.resources.config import AcquireConfigStatus, MachineConfig
from core.node.resources.runtime import Diagnostic
from core.node.state_files import LARGEST, StateFiles, Stored
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
    """What survives machined: the config in force, whether it has still to be stored, and one on trial (empty: none)
    with its end in seconds of the boot clock. `looked`: STATE was read in this boot, so that what was applied since
    may replace what is there. It dies with the boot, and the next takes what is stored."""

    data: bytes = b""
    pending: bool = False
    trial: bytes = b""
    until: float = 0.0
    looked: bool = False


ROOM: Final = 2 * LARGEST + (1 << 12)
"""Bytes that an InForce may take."""


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
        self._applying = asyncio.Lock()
        self._told = ""
        self._scope: Scope | None = None

    @property
    def active(self) -> bytes:
        """The config in force; empty when there is none."""
        now = self._in_force
        return now.trial if self._trial_left() > 0 else now.data

    async def apply(self, data: bytes, mode: Mode, trial_seconds: float = 60.0) -> Config:
        """Validate and put in force. Returns when it is stored (not for a trial). Raises ConfigErrors, Conflict while
        another is being applied, and NotReady if STATE does not take it in time; it is in force even then."""
        config = self.check(data, mode)
        if self._applying.locked():
            raise Conflict("another config is being applied", remedy="wait until it is stored")
        async with self._applying:
            now = self._in_force
            if mode is Mode.TRY:
                until = self._clock.monotonic() + trial_seconds
                self._record.save(msgspec.structs.replace(now, trial=data, until=until))
                self._wake()
                return config
            if mode is Mode.NOW:
                self._record.save(InForce(data, pending=True, looked=now.looked))
            self._kept = data
            self._wake()
            await self._until_stored(data)
        return config

    def check(self, data: bytes, mode: Mode) -> Config:
        """What `apply` would take. Raises ConfigErrors, Invalid."""
        config = parsed(data)
        if not config.complete:
            raise Invalid("the config has no machine section", remedy="apply one that `ichorctl gen config` made")
        if mode is not Mode.NOW and not self.active:
            raise Invalid("there is no config yet", remedy="apply the first one without a mode")
        return config

    async def reconcile(self, scope: Scope) -> None:
        self._scope = scope
        try:
            if scope.find(_MOUNT) is not None:
                self._exchange(scope)
        finally:
            self._publish(scope)  # whatever STATE does: what is in force is in force, and a trial ends in time

    def _publish(self, scope: Scope) -> None:
        wanted = {ACTIVE: self.active, PERSISTENT: self._kept}
        scope.sync(MachineConfig.all(), {k: MachineConfig(yaml_marshalled=v) for k, v in wanted.items() if v})
        volume = scope.find(_VOLUME)
        missing = volume is not None and volume.spec.phase is VolumePhase.MISSING
        if self._read or missing or self.active:
            scope.put("config", AcquireConfigStatus())
        if (left := self._trial_left()) > 0:
            scope.later(left)

    def _exchange(self, scope: Scope) -> None:
        """Read STATE once, then write to it whatever is kept and not there yet."""
        if not self._read:
            self._take(self._load(scope))
            self._read = True
        if self._kept and self._kept != self._stored:
            self._files.save_config(self._kept, load)
            self._stored = self._kept
            _log.info("config stored, %d bytes", len(self._kept))
        now = self._in_force
        if now.pending and self._kept:
            self._record.save(msgspec.structs.replace(now, pending=False))
        self._storing.set()

    def _take(self, stored: Stored[Config] | None) -> None:
        """Decide between what STATE holds and what was applied before this machined saw it."""
        now, found = self._in_force, stored.data if stored is not None else b""
        if found and not now.looked:
            if now.data not in (b"", found):
                _log.error("STATE holds a config; the one applied before STATE was there gives way to it")
            self._kept = found
            self._record.save(InForce(found, looked=True))
        else:
            self._kept = self._kept or (now.data if now.pending else found)
            self._record.save(msgspec.structs.replace(now, looked=True))
        self._stored = found

    def _load(self, scope: Scope) -> Stored[Config] | None:
        """What STATE holds, None if nothing. Raises Invalid for nothing but damage, unless this boot has a config:
        then that one replaces it."""
        try:
            stored = self._files.load_config(load)
        except IchorError as error:
            scope.put("config", Diagnostic(message="the stored config cannot be used", details=(str(error),)))
            self._tell(str(error))
            if not self._in_force.looked:
                raise
            return None
        scope.remove(Diagnostic.at("config"))
        for problem in stored.problems if stored is not None else ():
            self._tell(f"fell back to the previous config: {problem}")
        return stored

    def _tell(self, problem: str) -> None:
        """Once, for it is looked at again and again."""
        if problem != self._told:
            self._told = problem
            _log.error("%s", problem)
            self._events.publish(pb.ConfigLoadErrorEvent(error=problem))

    async def _until_stored(self, data: bytes) -> None:
        try:
            async with asyncio.timeout(STORE_SECONDS):
                while self._stored != data:
                    self._storing.clear()
                    await self._storing.wait()
                    if self._kept != data:
                        raise Conflict("STATE came with a config of its own, which is in force", remedy="change that")
        except TimeoutError:
            raise NotReady(
                "the config is kept but not stored: STATE is not ready", remedy="ichorctl get volumestatus"
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
