"""The hardware domain over folders that stand for sysfs and procfs, over events told by the test, and over an image
that is really damaged. A real machine's are in the QEMU tests."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.base.clock import SystemClock
from core.codec.dm import BadBlock as Complaint
from core.codec.uevent import Uevent
from core.linux import damage
from core.linux.capabilities import CONTAINER
from core.linux.image import Ground
from core.linux.tool import Done
from core.node.controllers import hardware
from core.node.controllers.hardware.integrity import Integrity
from core.node.controllers.hardware.machine import Machine, pci_devices
from core.node.controllers.hardware.modules import loaded_modules, module_loader
from core.node.controllers.hardware.plug import Plug
from core.node.resources import REGISTRY
from core.node.resources.hardware import MemoryModule, PCIDevice, Processor, SystemInformation
from core.node.resources.runtime import (
    DevicesStatus,
    IntegrityMethod,
    IntegrityStatus,
    KernelModuleSpec,
    LoadedKernelModule,
    MetaKey,
)
from core.state import Controller, Resource, Runtime, Store
from tests.codec.test_smbios import UUID, _table
from tests.linux.test_modules import Recorder
from tests.support.clock import on_loop, settle
from tests.support.loop import loop, run

CAPABLE = replace(CONTAINER, modules=True, uevents=True)


class Told:
    """Events that the test tells."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Uevent | None] = asyncio.Queue()

    async def listen(self) -> AsyncIterator[Uevent | None]:
        while True:
            yield await self.queue.get()

    async def tell(self, event: Uevent | None) -> None:
        self.queue.put_nowait(event)
        await settle()


async def _running(
    store: Store, *controllers: Controller, until: Callable[[], bool] = lambda: True
) -> asyncio.Task[None]:
    runtime = Runtime(store, SystemClock())
    for controller in controllers:
        runtime.register(controller)
    task = asyncio.create_task(runtime.run())
    await settle()
    await _until(store, until)
    return task


async def _until(store: Store, holds: Callable[[], bool]) -> None:
    """Each change of the store is a chance for it to hold."""
    changed = asyncio.Event()
    unsubscribe = store.subscribe(lambda _: changed.set())
    while not holds():
        await changed.wait()
        changed.clear()
    unsubscribe()


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


def _device(sys: Path, name: str, alias: str) -> None:
    (sys / "devices" / name).mkdir(parents=True)
    (sys / "devices" / name / "modalias").write_text(alias)


@on_loop
async def _plug(tmp_path: Path) -> None:
    """A driver that makes a new device is followed by the driver of that device."""
    _device(tmp_path, "pci", "pci:v1AF4")
    asked: list[str] = []

    async def modprobe(command: Any) -> Done:
        asked.extend(command[5:])
        if "pci:v1AF4" in command:
            _device(tmp_path, "pci/virtio0", "virtio:d2")
        return Done(0, "")

    store, told = Store(REGISTRY, SystemClock()), Told()

    def ready() -> bool:
        status = store.find(DevicesStatus.at("devices"))
        return status is not None and status.spec.ready

    task = await _running(store, Plug(CAPABLE, told.listen, tmp_path, modprobe), until=ready)
    assert asked == ["pci:v1AF4", "virtio:d2"]
    for _ in range(2):
        await told.tell(Uevent("add", "/devices/x", {"MODALIAS": "usb:v1"}))
    await told.tell(Uevent("remove", "/devices/x", {"MODALIAS": "usb:v2"}))
    assert asked == ["pci:v1AF4", "virtio:d2", "usb:v1"]
    await _stop(task)


def test_cold_and_hot_plug(tmp_path: Path) -> None:
    _plug(tmp_path)


@on_loop
async def test_a_container_node_loads_nothing_and_is_ready() -> None:
    def listen() -> AsyncIterator[Uevent | None]:
        raise AssertionError("a container node listens to no device events")

    store = Store(REGISTRY, SystemClock())
    made = hardware.controllers(CONTAINER, listen, Bus(), lambda: 0.0)
    task = await _running(store, *made, until=lambda: bool(store.list(IntegrityStatus.all())))
    assert store.get(DevicesStatus.at("devices")).spec.ready
    status = store.get(IntegrityStatus.at("image")).spec
    assert status.method is IntegrityMethod.CHECKED_AT_START
    assert status.hash_driver.startswith("sha256")
    assert not store.list(SystemInformation.all())
    await _stop(task)


class Bus:
    """Notes what is published."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def publish(self, event: Any, actor_id: str = "") -> None:
        self.events.append(event)


@on_loop
async def _machine(tmp_path: Path) -> None:
    (tmp_path / "firmware/dmi/tables").mkdir(parents=True)
    (tmp_path / "firmware/dmi/tables/DMI").write_bytes(_table())
    pci = tmp_path / "bus/pci/devices/0000:00:03.0"
    pci.mkdir(parents=True)
    for name, value in (("class", "0x020000"), ("vendor", "0x1af4"), ("device", "0x1000")):
        (pci / name).write_text(value + "\n")
    store = Store(REGISTRY, SystemClock())
    made = Machine(tmp_path), pci_devices(tmp_path)
    task = await _running(store, *made, until=lambda: bool(store.list(PCIDevice.all())))
    assert store.get(SystemInformation.at("systeminformation")).spec.uuid == UUID
    assert store.get(Processor.at("CPU-0")).spec.thread_count == 12
    assert [r.spec.size for r in store.list(MemoryModule.all())] == [2, 65536, 0]
    device = store.get(PCIDevice.at("0000:00:03.0")).spec
    assert (device.class_, device.class_id, device.vendor_id) == ("Network controller", "0x02", "0x1af4")
    other = "99999999-89ab-cdef-0123-456789abcdef"
    store.create(Resource.of("0x0f", MetaKey(value=other)))
    await settle()
    assert store.get(SystemInformation.at("systeminformation")).spec.uuid == other
    await _stop(task)


def test_the_machine_and_its_parts(tmp_path: Path) -> None:
    _machine(tmp_path)


@on_loop
async def _modules(tmp_path: Path) -> None:
    (tmp_path / "modules").write_text("xfs 100 1 - Live 0x0\n")
    told, recorder, store = Told(), Recorder(Done(0, "")), Store(REGISTRY, SystemClock())
    store.create(Resource.of("dummy", KernelModuleSpec(name="dummy", parameters=("numdummies=2",))))
    task = await _running(store, loaded_modules(told.listen, tmp_path), module_loader(CAPABLE, recorder))
    assert [r.md.id for r in store.list(LoadedKernelModule.all())] == ["xfs"]
    assert recorder.asked[0][1:] == ["--", "dummy", "numdummies=2"]
    (tmp_path / "modules").write_text("xfs 100 1 - Live 0x0\ndummy 10 0 - Live 0x0\n")
    await told.tell(Uevent("add", "/module/dummy", {"SUBSYSTEM": "module"}))
    assert [r.md.id for r in store.list(LoadedKernelModule.all())] == ["dummy", "xfs"]
    await _stop(task)


def test_modules_are_loaded_and_seen(tmp_path: Path) -> None:
    _modules(tmp_path)


def _squashfs(tmp_path: Path) -> Path:
    """An image with one large file and two small ones that share a fragment, its tables plain as ours are."""
    source = tmp_path / "source"
    (source / "usr/lib").mkdir(parents=True)
    (source / "usr/lib/large").write_bytes(random.Random(1).randbytes(1 << 20))
    for name in ("one", "two"):
        (source / "usr/lib" / name).write_bytes(random.Random(2).randbytes(9000) + name.encode())
    image = tmp_path / "image"
    run("mksquashfs", source, image, "-quiet", "-no-progress", "-noI", "-noId", "-noF", "-no-xattrs")
    return image


@pytest.mark.root
def test_a_bad_block_is_told_with_its_owners(tmp_path: Path) -> None:
    image, root = _squashfs(tmp_path), tmp_path / "root"
    root.mkdir()
    with loop(image) as device:
        run("mount", "-o", "ro", device, root)
        try:
            _told_with_its_owners(root, image.read_bytes())
        finally:
            run("umount", root)


@on_loop
async def _told_with_its_owners(root: Path, image: bytes) -> None:
    told, bus, store = Told(), Bus(), Store(REGISTRY, SystemClock())
    guard = Integrity(CAPABLE, told.listen, bus, lambda: 5.0, Ground(root=root))
    tails = image.index(b"one", 1 << 20) // 4096 - 1
    tables = int.from_bytes(image[64:72], "little") // 4096

    def bad() -> dict[int, str]:
        status = store.find(IntegrityStatus.at("image"))
        return {b.block: b.file for b in status.spec.bad_blocks} if status is not None else {}

    task = await _running(store, guard)
    for said in ("0,42", "0,42", f"0,{tails}", f"0,{tables}", "1,9999"):
        await told.tell(Uevent("change", "/devices/virtual/block/dm-0", {"DM_VERITY_ERR_BLOCK_NR": said}))
    await _until(store, lambda: 9999 in bad())
    assert bad()[42] == "/usr/lib/large"
    assert bad()[tails] == "/usr/lib/one, /usr/lib/two"
    assert {"inode table", "folder table"} <= set(bad()[tables].split(", "))
    assert bad()[9999] == "hash tree"
    assert len(bad()) == 4
    assert [e.message for e in bus.events][:2] == [
        "block 42 of the image is corrupted, file /usr/lib/large",
        f"block {tails} of the image is corrupted, files /usr/lib/one, /usr/lib/two",
    ]
    assert [e.message for e in bus.events][3:] == ["block 9999 of the image is corrupted, hash tree"]
    await _stop(task)


def test_what_the_kernel_said_before_we_listened(tmp_path: Path) -> None:
    log = tmp_path / "kmsg"
    log.write_bytes(
        b"3,1,1,-;device-mapper: verity: 254:0: data block 42 is corrupted\n"
        b"3,2,2,-;device-mapper: verity: 254:0: data block 42 is corrupted\n"
        b"6,3,3,-;something else\n"
    )
    assert damage.said(log) == [Complaint(42, data=True)]
