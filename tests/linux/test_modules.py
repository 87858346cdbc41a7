"""Modules: /proc/modules and /sys as folders, what modprobe is asked, and the kernel's device events for real."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from core.base.errors import IchorError
from core.codec.uevent import Uevent
from core.linux import crypto, modules
from core.linux.tool import Done
from core.linux.uevents import Uevents


class Recorder:
    """A runner that notes what it is asked and answers `done`."""

    def __init__(self, done: Done) -> None:
        self.done = done
        self.asked: list[list[str]] = []

    async def __call__(self, command: Sequence[str]) -> Done:
        self.asked.append(list(command))
        return self.done


def test_loaded_and_builtin(tmp_path: Path) -> None:
    (tmp_path / "modules").write_text(
        "xfs 2400256 1 - Live 0x0000000000000000\nlibcrc32c 12288 2 xfs,nf_nat, Live 0xffffffffc0000000 (E)\n"
    )
    first, second = modules.loaded(tmp_path)
    assert (first.name, first.users, first.references, first.state) == ("libcrc32c", ("xfs", "nf_nat"), 2, "Live")
    assert (second.name, second.size, second.users) == ("xfs", 2400256, ())
    (tmp_path / "modules.builtin").write_text("kernel/fs/ext4/ext4.ko\nkernel/drivers/char/hw-random.ko\n")
    assert modules.builtin(tmp_path) == ["ext4", "hw_random"]
    assert not modules.builtin(tmp_path / "absent")
    assert not modules.loaded(tmp_path / "absent")


def test_every_device_is_asked_for_once(tmp_path: Path) -> None:
    for name, alias in (("a", "pci:v1"), ("a/b", "virtio:d1"), ("c", "virtio:d1"), ("d", "")):
        (tmp_path / "devices" / name).mkdir(parents=True)
        (tmp_path / "devices" / name / "modalias").write_text(alias + "\n")
    assert modules.coldplug(tmp_path) == ["pci:v1", "virtio:d1"]
    recorder = Recorder(Done(1, ""))
    asyncio.run(modules.load_for(recorder, ["pci:v1", "-x", *map(str, range(500))]))
    assert recorder.asked[0][:6] == [modules.MODPROBE, "-a", "-b", "-q", "--", "pci:v1"]
    assert [len(c) for c in recorder.asked] == [505, 6]
    assert not [c for c in recorder.asked if "-x" in c]


def test_a_module_that_does_not_load_is_told() -> None:
    recorder = Recorder(Done(1, "modprobe: FATAL: Module nope not found\n"))
    with pytest.raises(modules.ModuleError, match="Module nope not found"):
        asyncio.run(modules.load(recorder, "nope", ["a=1"]))
    assert recorder.asked == [[modules.MODPROBE, "--", "nope", "a=1"]]
    assert issubclass(modules.ModuleError, IchorError)


def test_the_crypto_driver_of_highest_priority(tmp_path: Path) -> None:
    (tmp_path / "crypto").write_text(
        "name         : sha256\ndriver       : sha256-generic\npriority     : 100\n\n"
        "name         : sha256\ndriver       : sha256-ni\npriority     : 250\n\n"
        "name         : hmac(sha256)\ndriver       : x\npriority     : 999\n"
    )
    assert crypto.driver(tmp_path, "sha256") == "sha256-ni"
    assert crypto.driver(tmp_path, "md5") == crypto.driver(tmp_path / "absent", "md5") == ""
    assert crypto.driver(Path("/proc"), "sha256").startswith("sha256-")


@pytest.mark.root
def test_a_device_event_reaches_every_listener() -> None:
    async def scenario() -> None:
        async def first(events: Uevents) -> Uevent | None:
            async for event in events.listen():
                if event is None or event.devpath == "/devices/virtual/mem/null":
                    return event
            raise AssertionError("unreachable")

        with Uevents() as events:
            listeners = [asyncio.create_task(first(events)) for _ in range(2)]
            await asyncio.sleep(0)
            Path("/sys/class/mem/null/uevent").write_text("change")
            async with asyncio.timeout(10):
                for event in await asyncio.gather(*listeners):
                    assert event is not None
                    assert (event.action, event.subsystem) == ("change", "mem")
                    assert event.values["DEVNAME"] == "null"

    asyncio.run(scenario())
