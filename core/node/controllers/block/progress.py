"""How far a volume is, as pure functions of what was discovered:

missing, or located -> provisioned (its partition is ours) -> prepared (with its filesystem) -> ready (mounted, or with
nothing to mount); failed at any of them."""

from collections.abc import Mapping, Sequence

from core.base.units import format_size
from core.node.controllers.block.provision import formatted
from core.node.controllers.block.system import META, meta_volume
from core.node.resources.block import DiscoveredVolume, FilesystemKind, VolumeConfig, VolumePhase, VolumeStatus
from core.state import Resource

Located = Mapping[str, Resource[DiscoveredVolume]]


def status(
    name: str, config: VolumeConfig, volume: Resource[DiscoveredVolume] | None, problem: str, *, mounted: bool
) -> VolumeStatus:
    """The status of one volume; with a `problem` it has failed at the phase it would be in."""
    if volume is None:
        return VolumeStatus(
            phase=VolumePhase.FAILED if problem else VolumePhase.MISSING,
            pre_fail_phase=VolumePhase.MISSING if problem else VolumePhase.WAITING,
            type=config.type,
            mount_spec=config.mount,
            error_message=problem,
        )
    spec, kind = volume.spec, formatted(volume.spec.name)
    reached = _reached(name, config, spec, kind, mounted=mounted)
    problem = problem or _misplaced(name, spec, kind)
    return VolumeStatus(
        phase=VolumePhase.FAILED if problem else reached,
        pre_fail_phase=reached if problem else VolumePhase.WAITING,
        type=config.type,
        location=spec.dev_path,
        mount_location=spec.dev_path if config.mount.target_path else "",
        partition_index=spec.partition_index,
        parent_location=spec.parent_dev_path,
        uuid=spec.uuid,
        partition_uuid=spec.partition_uuid,
        size=spec.size,
        pretty_size=format_size(spec.size),
        filesystem=kind,
        mount_spec=config.mount,
        error_message=problem,
    )


def locate(discovered: Sequence[Resource[DiscoveredVolume]], configs: Mapping[str, VolumeConfig]) -> Located:
    """The partition of each volume, on the system disk where there is one."""
    meta = meta_volume(discovered)
    found: dict[str, Resource[DiscoveredVolume]] = {}
    for name, config in configs.items():
        label = config.locator.partition_label if config.locator is not None else name
        candidates = [v for v in discovered if v.spec.partition_label == label and v.spec.type == "partition"]
        if name == META:
            candidates = [meta] if meta is not None else []
        elif meta is not None:
            candidates = [v for v in candidates if v.spec.parent == meta.spec.parent]
        if candidates:
            found[name] = candidates[0]
    return found


def _reached(
    name: str, config: VolumeConfig, volume: DiscoveredVolume, kind: FilesystemKind, *, mounted: bool
) -> VolumePhase:
    if name == META:
        return VolumePhase.READY if volume.name == "talosmeta" else VolumePhase.LOCATED
    if kind is not FilesystemKind.XFS:
        return VolumePhase.PROVISIONED if config.provisioning is not None else VolumePhase.LOCATED
    return VolumePhase.READY if mounted else VolumePhase.PREPARED


def _misplaced(name: str, volume: DiscoveredVolume, kind: FilesystemKind) -> str:
    if name == META or not volume.name or kind is FilesystemKind.XFS:
        return ""
    return f"partition {name} on {volume.dev_path} holds {volume.name} and no xfs"
