"""How far each volume is: VolumeConfig and what was discovered -> VolumeStatus, making what is missing on the way.

Every change of a disk asks for a new look at it, and nothing is concluded from an older one. The phases are those of
`progress`. Volumes that are closed, or being closed, are none: nothing is made of what is wiped just then."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from core.base.errors import IchorError, NotReady
from core.node import machineconfig
from core.node.controllers.block import progress, provision, target
from core.node.controllers.block.place import Place
from core.node.controllers.block.system import META, is_disk, meta_volume
from core.node.resources.block import (
    DevicesDiscovered,
    DiscoveredVolume,
    DiscoveryRefreshRequest,
    DiscoveryRefreshStatus,
    Disk,
    MountStatus,
    VolumeConfig,
    VolumeLifecycle,
    VolumeStatus,
)
from core.node.resources.config import MachineConfig
from core.node.resources.runtime import Diagnostic
from core.state import Controller, Scope, exclusive, shared, weak

_log = logging.getLogger("block")
_DIAGNOSTIC: Final = "volumes"
_LIFECYCLE: Final = VolumeLifecycle.at("volumes")
# seconds after which a disk that was busy or failed is tried again
_RETRY: Final = 30.0


class Volumes(Controller):
    """VolumeStatus by volume name. A volume that cannot be made is FAILED with the reason, and a Diagnostic says it."""

    name = "block.VolumeManagerController"
    inputs = (
        weak(VolumeConfig),
        weak(DiscoveredVolume),
        weak(Disk),
        weak(MountStatus),
        weak(DevicesDiscovered.at("discovered-volumes-status")),
        weak(DiscoveryRefreshStatus.at("refresh")),
        weak(MachineConfig.at(machineconfig.ACTIVE)),
        weak(_LIFECYCLE),
    )
    outputs = (exclusive(VolumeStatus), exclusive(DiscoveryRefreshRequest), shared(Diagnostic))

    def __init__(self, place: Place) -> None:
        self._place = place
        self._asked = 0
        self._grown: set[str] = set()

    async def reconcile(self, scope: Scope) -> None:
        lifecycle = scope.find(_LIFECYCLE)
        if lifecycle is None or lifecycle.md.tearing_down:
            scope.sync(VolumeStatus.all(), {})
            return
        configs = {r.md.id: r.spec for r in scope.list(VolumeConfig.all())}
        problems: dict[str, str] = {}
        located: progress.Located = {}
        if self._fresh(scope):
            located = progress.locate(scope.list(DiscoveredVolume.all()), configs)
            await self._make(scope, configs, located, problems)
        if not self._fresh(scope):
            # a new look is needed: what is known stands until it is done
            before = {r.md.id: r.spec for r in scope.list(VolumeStatus.all())}
            waiting = {n: before.get(n, VolumeStatus(type=c.type, mount_spec=c.mount)) for n, c in configs.items()}
            scope.sync(VolumeStatus.all(), waiting)
            return
        mounted = {r.md.id for r in scope.list(MountStatus.all())}
        wanted = {
            name: progress.status(name, config, located.get(name), problems.get(name, ""), mounted=name in mounted)
            for name, config in configs.items()
        }
        scope.sync(VolumeStatus.all(), wanted)
        self._diagnose(scope, problems)
        if problems:
            scope.later(_RETRY)

    def _fresh(self, scope: Scope) -> bool:
        """Whether everything was looked at, and since our last change."""
        ready = scope.find(DevicesDiscovered.at("discovered-volumes-status"))
        answered = scope.find(DiscoveryRefreshStatus.at("refresh"))
        if ready is None or not ready.spec.ready or (answered.spec.request if answered else 0) != self._asked:
            return False
        disks = {r.md.id for r in scope.list(Disk.all())}
        return all(v.md.id in disks for v in scope.list(DiscoveredVolume.all()) if is_disk(v))

    async def _make(
        self, scope: Scope, configs: Mapping[str, VolumeConfig], located: progress.Located, problems: dict[str, str]
    ) -> None:
        missing = [n for n, c in configs.items() if n not in located and c.provisioning is not None]
        try:
            if missing:
                await self._partitions(scope, configs, missing)
        except (IchorError, OSError) as error:
            problems.update(dict.fromkeys(missing, str(error)))
        for name, volume in located.items():
            try:
                await self._content(scope, name, configs[name], volume.spec)
            except (IchorError, OSError) as error:
                problems[name] = str(error)

    async def _partitions(self, scope: Scope, configs: Mapping[str, VolumeConfig], missing: list[str]) -> None:
        wave = {n: p.wave for n in missing if (p := configs[n].provisioning) is not None}
        order = sorted(missing, key=lambda n: wave[n])
        wanted = [(n, p.partition_spec) for n in order if (p := configs[n].provisioning) is not None]
        disks = [r.spec for r in scope.list(Disk.all())]
        config = scope.get(MachineConfig.at(machineconfig.ACTIVE))
        install = machineconfig.of(config).v1alpha1.machine.install
        # not SystemDisk, which may lag behind what this decision stands on
        system = meta_volume(scope.list(DiscoveredVolume.all()))
        if system is not None:
            asked = next((d for d in disks if d.dev_path == system.spec.parent_dev_path), None)
            if asked is None:
                raise NotReady(f"the system disk {system.spec.parent_dev_path} is not there")
        else:
            asked = target.named(install, disks)
        wipe = system is None and asked is not None and install is not None and install.wipe
        chosen = asked if asked is not None else await asyncio.to_thread(self._only_blank, disks)
        own = system is not None
        await asyncio.to_thread(provision.make_partitions, self._place, chosen, wanted, own=own, wipe=wipe)
        _log.info("made %s on %s", ", ".join(order), chosen.dev_path)
        self._refresh(scope)

    def _only_blank(self, disks: list[Disk]) -> Disk:
        """The one blank disk of a config that names none. Raises NotReady, naming what there is instead."""
        seen = {d.dev_path: provision.judge(self._place, d) for d in disks if not d.cdrom and not d.readonly}
        blank = [path for path, content in seen.items() if not content]
        if len(blank) == 1:
            return next(d for d in disks if d.dev_path == blank[0])
        if blank:
            raise NotReady(
                f"several disks are blank: {', '.join(blank)}", remedy="choose one with machine.install.disk"
            )
        what = "; ".join(f"{path} has {content}" for path, content in seen.items()) or "there is no disk"
        raise NotReady(f"no disk is blank: {what}", remedy="add a blank disk, or name one and set machine.install.wipe")

    async def _content(self, scope: Scope, name: str, config: VolumeConfig, volume: DiscoveredVolume) -> None:
        if name == META:
            if volume.name == "" and config.provisioning is not None:
                await asyncio.to_thread(provision.make_meta, self._place, volume.dev_path)
                self._refresh(scope)
            return
        if volume.name == "" and config.provisioning is not None:
            spec = config.provisioning.filesystem_spec
            await provision.make_filesystem(self._place, volume.dev_path, volume.size, spec)
            _log.info("made %s on %s", spec.type.text, volume.dev_path)
            self._refresh(scope)
        elif config.provisioning is not None and config.provisioning.partition_spec.grow and name not in self._grown:
            if await asyncio.to_thread(provision.grow, self._place, volume.parent_dev_path, name):
                _log.info("%s grew to the end of %s", name, volume.parent_dev_path)
                self._refresh(scope)
            self._grown.add(name)

    def _refresh(self, scope: Scope) -> None:
        # anew for each change: a look that is under way may have passed the place already
        self._asked += 1
        scope.put("refresh", DiscoveryRefreshRequest(request=self._asked))

    def _diagnose(self, scope: Scope, problems: Mapping[str, str]) -> None:
        texts = tuple(dict.fromkeys(problems.values()))
        if not texts:
            scope.remove(Diagnostic.at(_DIAGNOSTIC))
            return
        message = f"volumes {', '.join(problems)} cannot be made: {texts[0]}"
        before = scope.find(Diagnostic.at(_DIAGNOSTIC))
        if before is None or before.spec.message != message:
            _log.error("%s", message)
        scope.put(_DIAGNOSTIC, Diagnostic(message=message, details=texts))
