"""The power button over pipes that stand for input devices. A real machine's is in the QEMU tests."""

import asyncio
import os
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from core.base.clock import SystemClock
from core.base.errors import Conflict
from core.codec.uevent import Uevent
from core.linux import keys
from core.linux.capabilities import CONTAINER
from core.node.controllers.hardware import PowerButton
from tests.node.controllers.hardware.test_hardware import Told
from tests.node.controllers.house import House
from tests.support.clock import on_loop

CAPABLE = replace(CONTAINER, uevents=True, power=True)
ENTER = 28


def device(root: Path, name: str, *codes: int) -> None:
    """An input device with these keys."""
    mask = sum(1 << code for code in codes)
    words = [f"{mask >> shift & (1 << 64) - 1:x}" for shift in (64, 0)]
    folder = root / "sys/class/input" / name / "device/capabilities"
    folder.mkdir(parents=True)
    (folder / "key").write_text(" ".join(words) + "\n")
    (root / "dev/input").mkdir(parents=True, exist_ok=True)
    os.mkfifo(root / "dev/input" / name)


def event(code: int, value: int, kind: int = 1) -> bytes:
    return struct.pack("=qqHHi", 1, 2, kind, code, value)


def test_a_device_is_known_by_its_keys(tmp_path: Path) -> None:
    device(tmp_path, "event0", keys.POWER)
    device(tmp_path, "event1", ENTER)
    device(tmp_path, "event2", ENTER, keys.POWER)
    assert list(keys.having(tmp_path / "sys", keys.POWER)) == ["event0", "event2"]
    assert list(keys.having(tmp_path / "nowhere", keys.POWER)) == []


@pytest.mark.parametrize(
    ("events", "counts"),
    [
        (b"", False),
        (event(keys.POWER, 1), True),
        (event(keys.POWER, 0), False),
        (event(keys.POWER, 1, kind=2), False),
        (event(ENTER, 1), False),
        (event(ENTER, 1) + event(keys.POWER, 1) + b"cut", True),
    ],
)
def test_a_press_is_the_key_going_down(events: bytes, counts: bool) -> None:
    assert keys.pressed(events, keys.POWER) is counts


async def opened(path: Path) -> int:
    """The pipe's write end, once somebody reads."""
    while True:
        try:
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            await asyncio.sleep(0.001)


@on_loop
async def test_each_press_counts_on_devices_that_come_later_too(tmp_path: Path) -> None:
    presses: asyncio.Queue[None] = asyncio.Queue()
    told = Told()

    def press() -> None:
        presses.put_nowait(None)
        raise Conflict("reboot is running")  # which only is told

    device(tmp_path, "event0", keys.POWER)
    button = PowerButton(CAPABLE, told.listen, press, tmp_path / "sys", tmp_path / "dev")
    async with asyncio.timeout(30), House(SystemClock(), [button]).running():
        first = await opened(tmp_path / "dev/input/event0")
        os.write(first, event(keys.POWER, 0) + event(keys.POWER, 1))
        await presses.get()
        device(tmp_path, "event1", keys.POWER)
        await told.tell(Uevent("add", "/devices/input/event1", {"SUBSYSTEM": "input"}))
        second = await opened(tmp_path / "dev/input/event1")
        os.close(first)  # the first leaves
        os.write(second, event(keys.POWER, 1))
        await presses.get()
        os.close(second)
        assert presses.empty()


@on_loop
async def test_a_container_node_has_no_button(tmp_path: Path) -> None:
    device(tmp_path, "event0", keys.POWER)
    button = PowerButton(CONTAINER, Told().listen, lambda: None, tmp_path / "sys", tmp_path / "dev")
    async with House(SystemClock(), [button]).running():
        with pytest.raises(OSError, match="No such device"):
            os.open(tmp_path / "dev/input/event0", os.O_WRONLY | os.O_NONBLOCK)
