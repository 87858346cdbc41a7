"""Mounting the node's volumes: VolumeStatus -> MountStatus, with what the mounted tree must hold before it is used.
While VolumeLifecycle is torn down everything is unmounted, the last mounted first, and then it may go; without one
nothing is mounted. A mount that is there already (machined was started again) is taken over."""

import asyncio
import errno
import logging
import os
from pathlib import Path
from typing import Final

from core.linux import filesystem
from core.linux.mount import MS, mount, mounts, umount, umount_below
from core.node.controllers.block import var
from core.node.controllers.block.place import Place
from core.node.resources.block import (
    FilesystemKind,
    Mount,
    MountStatus,
    VolumeLifecycle,
    VolumePhase,
    VolumeStatus,
)
from core.node.resources.block.mounts import MountParameters
from core.node.resources.runtime import Diagnostic
from core.node.resources.runtime import MountStatus as RuntimeMountStatus
from core.state import Controller, Resource, Scope, exclusive, shared, strong, transform, weak

_log = logging.getLogger("block")
_LIFECYCLE: Final = VolumeLifecycle.at("volumes")


class Mounts(Controller):
    """MountStatus by volume name. A mount that fails is tried again and says so in a Diagnostic."""

    name = "block.MountController"
    inputs = (weak(VolumeStatus), strong(_LIFECYCLE))
    outputs = (exclusive(MountStatus), shared(Diagnostic))

    def __init__(self, place: Place) -> None:
        self._place = place

    async def reconcile(self, scope: Scope) -> None:
        lifecycle = scope.find(_LIFECYCLE)
        if lifecycle is None:
            return  # closed by a machined before this one
        if lifecycle.md.tearing_down:
            await self._close(scope)
            scope.release(_LIFECYCLE)
            return
        scope.hold(_LIFECYCLE)
        for volume in sorted(scope.list(VolumeStatus.all()), key=lambda v: v.spec.mount_spec.target_path):
            if volume.spec.mount_location and volume.spec.phase in (VolumePhase.PREPARED, VolumePhase.READY):
                await self._open(scope, volume)

    async def _open(self, scope: Scope, volume: Resource[VolumeStatus]) -> None:
        status, problem = volume.spec, f"mount-{volume.md.id}"
        try:
            await asyncio.to_thread(_mount, self._place, status)
        except OSError as error:
            message = f"volume {volume.md.id} on {status.location} cannot be mounted: {error.strerror or error}"
            scope.put(problem, Diagnostic(message=message))
            raise
        scope.remove(Diagnostic.at(problem))
        scope.put(
            volume.md.id,
            MountStatus(
                spec=MountParameters(volume_id=volume.md.id, secure=True, no_exec=status.mount_spec.no_exec),
                source=status.location,
                target=status.mount_spec.target_path,
                filesystem=status.filesystem,
            ),
        )

    async def _close(self, scope: Scope) -> None:
        """With what others mounted below. Raises OSError (EBUSY) while somebody uses one; the runtime calls again."""
        for there in sorted(scope.list(MountStatus.all()), key=lambda m: m.spec.target, reverse=True):
            await asyncio.to_thread(_unmount, self._place.target(there.spec.target))
            scope.remove(MountStatus.at(there.md.id))


def runtime_mounts() -> Controller:
    """The same as the older clients know it: runtime.MountStatus."""

    def derive(resource: Resource[MountStatus], _: Scope) -> RuntimeMountStatus:
        flags = flag_words(resource.spec.spec.no_exec)
        return RuntimeMountStatus(
            source=resource.spec.source,
            target=resource.spec.target,
            filesystem_type="" if resource.spec.filesystem is FilesystemKind.NONE else resource.spec.filesystem.text,
            options=flags,
        )

    return transform("runtime.MountStatusController", MountStatus, RuntimeMountStatus, derive)


def flag_words(no_exec: bool) -> tuple[str, ...]:
    """The options of a volume's mount as people write them."""
    return ("nosuid", "nodev", "noexec") if no_exec else ("nosuid", "nodev")


def _mount(place: Place, status: VolumeStatus) -> None:
    wanted: Mount = status.mount_spec
    target, source = place.target(wanted.target_path), place.node(status.location)
    if not _mounted(target, source):
        target.mkdir(parents=True, exist_ok=True, mode=wanted.file_mode)
        flags = MS.NOSUID | MS.NODEV | (MS.NOEXEC if wanted.no_exec else 0)
        mount(source, target, status.filesystem.text, flags)
        _log.info("mounted %s on %s", status.location, wanted.target_path)
    if target.stat().st_mode & 0o7777 != wanted.file_mode:
        target.chmod(wanted.file_mode)
    if status.filesystem is FilesystemKind.XFS and filesystem.fill(target, status.size):
        _log.info("%s grew to %s", wanted.target_path, status.pretty_size)
    if wanted.target_path == var.PATH:
        var.lay_out(target)


def _mounted(target: Path, source: Path) -> bool:
    """Whether this device is what is seen at `target`."""
    number = source.stat().st_rdev
    device = f"{os.major(number)}:{os.minor(number)}"
    on_top = next((m for m in reversed(mounts()) if m.target == str(target)), None)
    return on_top is not None and on_top.device == device


def _unmount(target: Path) -> None:
    try:
        umount_below(target)
        umount(target)
    except OSError as error:
        # not mounted any more is what was wanted
        if error.errno != errno.EINVAL:
            raise
