"""The node's volumes on loop devices, with the kernel's own events: made on a blank disk, found again, grown, kept off
what is not ours. The whole domain runs as on a node; only cold plug is told by the test."""

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from core.base.clock import SystemClock
from core.codec import meta as meta_codec
from core.linux.capabilities import CONTAINER
from core.linux.mount import mounts, umount
from core.linux.uevents import Uevents
from core.node.controllers import block
from core.node.controllers.block.place import Place
from core.node.meta import Meta
from core.node.resources import REGISTRY
from core.node.resources.block import (
    Disk,
    MountStatus,
    SystemDisk,
    VolumeLifecycle,
    VolumePhase,
    VolumeStatus,
    VolumeType,
)
from core.node.resources.config import MachineConfig
from core.node.resources.runtime import DevicesStatus, Diagnostic, MetaKey, MetaLoaded
from core.node.resources.runtime import MountStatus as RuntimeMountStatus
from core.state import Controller, Resource, Runtime, Store
from tests.support.loop import loop, resize, run

pytestmark = pytest.mark.root
MIB, GIB = 1 << 20, 1 << 30
NAMES = ("META", "STATE", "EPHEMERAL")
CAPABLE = replace(CONTAINER, block=True)


ACCEPTED = Path(__file__).parents[3] / "config/corpus/aliases-and-merge-keys.yaml"


def _config(install: str = "") -> MachineConfig:
    """A worker's config with the certificate of the corpus."""
    certificate = next(line.strip() for line in ACCEPTED.read_text().splitlines() if "crt: " in line)
    text = f"version: v1alpha1\nmachine:\n  type: worker\n  ca:\n    {certificate}\n{install}"
    return MachineConfig(yaml_marshalled=text.encode())


class Node:
    """A store with the domain's controllers on it; `loops` are the only disks it may see."""

    def __init__(self, root: Path, loops: Sequence[Path]) -> None:
        self.store = Store(REGISTRY, SystemClock())
        names = {device.name for device in loops}
        self.links = root / "dev/disk"
        self.place = Place(root=root, links=self.links, mine=lambda d: d.name in names or d.parent in names)

    async def run(self, until: Callable[[Store], bool], *, config: MachineConfig | None = None) -> None:
        """Run the domain until `until` holds."""
        with Uevents() as events:
            runtime = Runtime(self.store, SystemClock())
            for controller in block.controllers(CAPABLE, events.listen, self.place):
                runtime.register(controller)
            self._create("devices", DevicesStatus(ready=True))
            self._create("volumes", VolumeLifecycle())
            if config is not None:
                self._create("v1alpha1", config)
            await _until(runtime, self.store, until)

    def phases(self) -> dict[str, str]:
        return {r.md.id: r.spec.phase.text for r in self.store.list(VolumeStatus.all())}

    def _create(self, id_: str, spec: MachineConfig | DevicesStatus | VolumeLifecycle) -> None:
        if self.store.find(spec.at(id_)) is None:
            self.store.create(Resource.of(id_, spec))


async def _until(runtime: Runtime, store: Store, until: Callable[[Store], bool]) -> None:
    """Each change of the store is a chance for `until` to hold."""
    changed = asyncio.Event()
    unsubscribe = store.subscribe(lambda _: changed.set())
    task = asyncio.create_task(runtime.run())
    try:
        async with asyncio.timeout(60):
            while not until(store):
                await changed.wait()
                changed.clear()
    finally:
        unsubscribe()
        task.cancel()
        await asyncio.wait({task})


def _phase(store: Store, phase: VolumePhase, names: Sequence[str] = NAMES) -> bool:
    found = {r.md.id: r.spec.phase for r in store.list(VolumeStatus.all())}
    return all(found.get(name) is phase for name in names)


def _ready(store: Store) -> bool:
    loaded = store.find(MetaLoaded.at("meta-loaded"))
    return _phase(store, VolumePhase.READY) and loaded is not None and len(store.list(RuntimeMountStatus.all())) == 2


@contextmanager
def _unmounting(root: Path) -> Iterator[None]:
    try:
        yield
    finally:
        for mount in reversed(mounts()):
            if mount.target.startswith(f"{root}/"):
                # lazily: a test that failed in the middle may have left a user
                umount(mount.target, lazy=True)


def test_a_blank_disk_becomes_the_nodes_and_is_found_again(tmp_path: Path) -> None:
    root = tmp_path / "root"
    with loop(tmp_path / "disk", 4 * GIB) as disk, _unmounting(root):
        node = Node(root, [disk])
        asyncio.run(node.run(lambda s: _phase(s, VolumePhase.MISSING)))
        assert run("wipefs", disk) == ""
        asyncio.run(node.run(_ready, config=_config()))
        shown = run("sgdisk", "--print", disk)
        assert [line.split()[-1] for line in shown.splitlines()[-3:]] == list(NAMES)
        assert "No problems found" in run("sgdisk", "--verify", disk)
        state, var = root / "system/state", root / "var"
        by_target = {m.target: m for m in mounts()}
        assert set(by_target[str(state)].options.split(",")) >= {"nosuid", "nodev", "noexec"}
        options = set(by_target[str(var)].options.split(","))
        assert options >= {"nosuid", "nodev"}
        assert "noexec" not in options
        assert [p.stat().st_mode & 0o777 for p in (state, var, var / "log/audit")] == [0o700, 0o755, 0o700]
        assert (var / "run").readlink() == Path("/run")
        (state / "config.yaml").write_bytes(b"kept")
        status = node.store.get(VolumeStatus.at("STATE")).spec
        assert (status.location, status.size) == (f"{disk}p2", 100 * MIB)
        assert node.store.get(SystemDisk.at("system-disk")).spec.dev_path == str(disk)
        assert (node.links / "by-partlabel/STATE").readlink() == Path(f"../../{disk.name}p2")
        assert (node.links / "by-uuid" / status.uuid).readlink() == Path(f"../../{disk.name}p2")

        # the next boot, without a config: found, not made
        for mount in (state, var):
            run("umount", mount)
        again = Node(root, [disk])
        asyncio.run(again.run(_ready))
        assert (state / "config.yaml").read_bytes() == b"kept"
        assert again.store.list(Diagnostic.all()) == []


def test_the_last_volume_grows_with_the_disk(tmp_path: Path) -> None:
    root, file = tmp_path / "root", tmp_path / "disk"
    with loop(file, 3 * GIB) as disk, _unmounting(root):
        asyncio.run(Node(root, [disk]).run(_ready, config=_config()))
        for target in ("system/state", "var"):
            run("umount", root / target)
        resize(disk, file, 5 * GIB)
        node = Node(root, [disk])

        def grown(store: Store) -> bool:
            status = store.find(VolumeStatus.at("EPHEMERAL"))
            return _ready(store) and status is not None and status.spec.size == 5 * GIB - 103 * MIB

        asyncio.run(node.run(grown, config=_config()))
        space = os.statvfs(root / "var")
        assert space.f_blocks * space.f_frsize > 4.5 * GIB
        assert "No problems found" in run("sgdisk", "--verify", disk)


@pytest.mark.parametrize(
    ("tool", "name"),
    [
        (["mkfs.ext4", "-q", "-F"], "ext4"),
        (["mkfs.xfs", "-q"], "xfs"),
        (["mkswap"], "swap"),
        (["sgdisk", "--new=1:2048:+1M"], "gpt"),
        (["mkfs.vfat", "-F", "32"], "vfat"),
    ],
)
def test_a_foreign_disk_is_not_touched_unless_the_config_says_wipe(tool: list[str], name: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    with loop(tmp_path / "disk", 4 * GIB) as disk, _unmounting(root):
        run(*tool, disk)
        before = run("wipefs", disk)
        named = _config(f"  install:\n    disk: {disk}\n")
        for config in (_config(), named):
            node = Node(root, [disk])
            asyncio.run(
                node.run(lambda s: _phase(s, VolumePhase.FAILED) and bool(s.list(Diagnostic.all())), config=config)
            )
            (problem,) = node.store.list(Diagnostic.all())
            assert str(disk) in problem.spec.message
            assert name in problem.spec.message
            assert "wipe" in problem.spec.message
            assert run("wipefs", disk) == before
        wiped = _config(f"  install:\n    disk: {disk}\n    wipe: true\n")
        asyncio.run(Node(root, [disk]).run(_ready, config=wiped))
        # said once more on a disk that is ours by now, it wipes nothing
        (root / "system/state/config.yaml").write_bytes(b"kept")
        asyncio.run(Node(root, [disk]).run(_ready, config=wiped))
        assert (root / "system/state/config.yaml").read_bytes() == b"kept"


def test_bytes_that_nobody_knows_are_foreign_too(tmp_path: Path) -> None:
    with loop(tmp_path / "disk", 4 * GIB) as disk:
        with disk.open("r+b") as file:
            file.seek(700_000)
            file.write(b"dear diary")
        node = Node(tmp_path / "root", [disk])
        asyncio.run(node.run(lambda s: _phase(s, VolumePhase.FAILED), config=_config()))
        assert "unknown data at byte 700000" in node.store.get(VolumeStatus.at("STATE")).spec.error_message


def test_a_disk_in_use_is_not_taken_even_to_wipe_it(tmp_path: Path) -> None:
    with loop(tmp_path / "disk", 4 * GIB) as disk, _unmounting(tmp_path):
        run("mkfs.ext4", "-q", "-F", disk)
        (tmp_path / "user").mkdir()
        run("mount", disk, tmp_path / "user")
        node = Node(tmp_path / "root", [disk])
        wipe = _config(f"  install:\n    disk: {disk}\n    wipe: true\n")
        asyncio.run(node.run(lambda s: _phase(s, VolumePhase.FAILED), config=wipe))
        assert "busy" in node.store.get(VolumeStatus.at("META")).spec.error_message


def test_of_two_blank_disks_none_is_guessed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    with loop(tmp_path / "a", 3 * GIB) as first, loop(tmp_path / "b", 4 * GIB) as second, _unmounting(root):
        node = Node(root, [first, second])
        asyncio.run(node.run(lambda s: _phase(s, VolumePhase.FAILED), config=_config()))
        message = node.store.get(VolumeStatus.at("STATE")).spec.error_message
        assert str(first) in message
        assert str(second) in message
        chosen = _config("  install:\n    diskSelector:\n      size: '> 3.5GB'\n")
        node = Node(root, [first, second])
        asyncio.run(node.run(_ready, config=chosen))
        assert node.store.get(SystemDisk.at("system-disk")).spec.dev_path == str(second)
        assert run("wipefs", first) == ""


def test_a_crash_between_the_steps_is_gone_on_from(tmp_path: Path) -> None:
    """Partitions without filesystems and an empty META are what a power cut behind the table leaves."""
    root = tmp_path / "root"
    with loop(tmp_path / "disk", 4 * GIB) as disk, _unmounting(root):
        parts = ("--new=1:2048:+1M", "--change-name=1:META", "--new=2:4096:+100M", "--change-name=2:STATE")
        run("sgdisk", *parts, disk)
        node = Node(root, [disk])
        asyncio.run(node.run(_ready, config=_config()))
        assert run("sgdisk", "--print", disk).count("EPHEMERAL") == 1


def test_volumes_close_when_their_lifecycle_ends(tmp_path: Path) -> None:
    root = tmp_path / "root"

    async def scenario(node: Node) -> None:
        await node.run(_ready, config=_config())
        run("mount", "-t", "tmpfs", "of-a-pod", root / "var/mnt")
        assert not node.store.teardown(VolumeLifecycle.at("volumes"))

        def closed(store: Store) -> bool:
            return store.get(VolumeLifecycle.at("volumes")).md.destroy_ready

        await node.run(closed)

    with loop(tmp_path / "disk", 4 * GIB) as disk, _unmounting(root):
        node = Node(root, [disk])
        asyncio.run(scenario(node))
        assert not [*node.store.list(MountStatus.all()), *node.store.list(VolumeStatus.all())]
        assert not [m for m in mounts() if m.target.startswith(str(root))]


def test_a_container_node_has_folders(tmp_path: Path) -> None:
    async def nothing() -> None:
        raise AssertionError("a container node listens to no device events")

    for folder in ("var", "system/state", "run/ichor"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "run/ichor/meta").touch()
    meta = Meta(tmp_path / "run/ichor/meta")
    meta.set(0x0F, b"11111111-2222-3333-4444-555555555555")
    meta.close()
    store = Store(REGISTRY, SystemClock())

    def domain() -> Runtime:
        runtime = Runtime(store, SystemClock())
        made: list[Controller] = block.controllers(CONTAINER, Uevents.listen, Place(root=tmp_path))  # type: ignore[arg-type]  # never called
        for controller in made:
            runtime.register(controller)
        return runtime

    store.create(Resource.of("volumes", VolumeLifecycle()))
    asyncio.run(_until(domain(), store, _ready))
    status = store.get(VolumeStatus.at("STATE")).spec
    assert (status.type, status.location) == (VolumeType.DIRECTORY, "/system/state")
    assert store.get(MetaKey.at("0x0f")).spec.value.startswith("11111111")
    assert (tmp_path / "var/lib/containerd").is_dir()
    assert store.list(Disk.all()) == []
    assert (tmp_path / "run/ichor/meta").stat().st_size == meta_codec.PARTITION_SIZE
    lifecycle = VolumeLifecycle.at("volumes")
    assert not store.teardown(lifecycle)
    asyncio.run(_until(domain(), store, lambda store: store.get(lifecycle).md.destroy_ready))
    assert not [*store.list(MountStatus.all()), *store.list(VolumeStatus.all())]
