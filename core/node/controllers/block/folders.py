"""A container node's volumes: folders that its provisioner bound to where the volumes of a machine would be mounted.
They are there from the start; nothing is made or mounted, and no block device of the host is looked at. They are the
node's as long as VolumeLifecycle is."""

import asyncio
from collections.abc import Callable
from typing import Final

from core.base.units import format_size
from core.linux.mount import mounts
from core.node.controllers.block import var
from core.node.controllers.block.place import Place
from core.node.controllers.block.system import META, MOUNTS
from core.node.resources.block import (
    DevicesDiscovered,
    MountStatus,
    VolumeConfig,
    VolumeLifecycle,
    VolumePhase,
    VolumeStatus,
    VolumeType,
)
from core.node.resources.block.mounts import MountParameters
from core.state import Controller, Scope, Spec, exclusive, strong

META_FILE: Final = "/run/ichor/meta"
_LIFECYCLE: Final = VolumeLifecycle.at("volumes")


class Folders(Controller):
    """VolumeConfig, VolumeStatus and MountStatus of a container node, by volume name."""

    name = "block.FolderController"
    inputs = (strong(_LIFECYCLE),)
    outputs = (
        exclusive(VolumeConfig),
        exclusive(VolumeStatus),
        exclusive(MountStatus),
        exclusive(DevicesDiscovered),
    )

    def __init__(self, place: Place) -> None:
        self._place = place

    async def reconcile(self, scope: Scope) -> None:
        scope.put("discovered-volumes-status", DevicesDiscovered(ready=True))
        lifecycle = scope.find(_LIFECYCLE)
        if lifecycle is None or lifecycle.md.tearing_down:
            scope.sync(MountStatus.all(), {})
            scope.sync(VolumeStatus.all(), {})
            if lifecycle is not None:
                scope.release(_LIFECYCLE)
            return
        scope.hold(_LIFECYCLE)
        paths = {name: mount.target_path or META_FILE for name, mount in MOUNTS.items()}
        there = {name: path for name, path in paths.items() if self._place.target(path).exists()}
        if var.PATH in there.values():
            await asyncio.to_thread(var.lay_out, self._place.target(var.PATH))
        self._sync(scope, VolumeConfig, lambda n: VolumeConfig(type=VolumeType.DIRECTORY, mount=MOUNTS[n]), paths)
        self._sync(scope, VolumeStatus, lambda n: _status(self._place, n, paths[n], found=n in there), paths)
        mounted = {name: path for name, path in there.items() if MOUNTS[name].target_path}
        self._sync(scope, MountStatus, lambda n: _mounted(self._place, n, mounted[n]), mounted)

    def _sync(self, scope: Scope, kind: type[Spec], make: Callable[[str], Spec], names: dict[str, str]) -> None:
        scope.sync(kind.all(), {name: make(name) for name in names})


def _status(place: Place, name: str, path: str, *, found: bool) -> VolumeStatus:
    size = place.target(path).stat().st_size if found and name == META else 0
    return VolumeStatus(
        phase=VolumePhase.READY if found else VolumePhase.MISSING,
        type=VolumeType.DIRECTORY,
        location=path if found else "",
        mount_location=path if found and name != META else "",
        size=size,
        pretty_size=format_size(size) if size else "",
        mount_spec=MOUNTS[name],
    )


def _mounted(place: Place, name: str, path: str) -> MountStatus:
    target = str(place.target(path))
    source = next((m.source for m in reversed(mounts()) if m.target == target), "")
    return MountStatus(
        spec=MountParameters(volume_id=name, secure=True, no_exec=MOUNTS[name].no_exec), source=source, target=path
    )
