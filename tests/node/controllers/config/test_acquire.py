"""The config in force: from STATE, applied, staged, on trial; through crashes of machined and damage on the disk."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.base.errors import Conflict, Invalid
from core.config.problems import ConfigErrors
from core.node.controllers.config import ROOM, Acquire, InForce, Mode
from core.node.resources.block import MountStatus, VolumePhase, VolumeStatus
from core.node.resources.block.mounts import MountParameters
from core.node.resources.config import AcquireConfigStatus, MachineConfig
from core.node.survivor import Survivor
from core.state import Pointer
from tests.node.controllers.house import House
from tests.support.clock import FakeClock, on_loop, settle
from tests.support.fdtable import FdTable

WORKER = (Path(__file__).parents[3] / "config/corpus/minimal-worker.yaml").read_bytes()
OTHER = WORKER + b"  sysctls:\n    net.core.somaxconn: '1024'\n"
ACTIVE, PERSISTENT = MachineConfig.at("v1alpha1"), MachineConfig.at("persistent")


class Recorder:
    """An event bus that remembers."""

    def __init__(self) -> None:
        self.said: list[Any] = []

    def publish(self, event: Any, actor_id: str = "") -> None:
        self.said.append(event)


class Node(House):
    """machined's part of it, over one folder and one table that outlive it."""

    def __init__(self, clock: FakeClock, table: FdTable, folder: Path) -> None:
        self.clock, self.events = clock, Recorder()
        self.record = Survivor(table, "config", InForce, ROOM)
        self.acquire = Acquire(self.record, clock, self.events, folder)
        super().__init__(clock, [self.acquire])

    def mount(self) -> None:
        """STATE is there."""
        spec = MountStatus(spec=MountParameters(volume_id="STATE"), source="", target="/system/state")
        self.put("STATE", spec)

    def text(self, pointer: Pointer[MachineConfig]) -> bytes | None:
        found = self.store.find(pointer)
        return None if found is None else found.spec.yaml_marshalled


@pytest.fixture
def table() -> Iterator[FdTable]:
    table = FdTable()
    yield table
    table.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@on_loop
async def test_a_blank_machine_has_no_config_and_knows_it(clock: FakeClock, table: FdTable, tmp_path: Path) -> None:
    node = Node(clock, table, tmp_path)
    async with node.running():
        await settle()
        assert node.store.find(AcquireConfigStatus.at("config")) is None
        node.put("STATE", VolumeStatus(phase=VolumePhase.MISSING))
        await settle()
        assert node.store.find(AcquireConfigStatus.at("config")) is not None
        assert node.text(ACTIVE) is None
    node.record.close()


@on_loop
async def test_applied_before_the_disk_is_there_and_stored_when_it_comes(
    clock: FakeClock, table: FdTable, tmp_path: Path
) -> None:
    node = Node(clock, table, tmp_path)
    async with node.running():
        applying = asyncio.create_task(node.acquire.apply(WORKER, Mode.NOW))
        await settle()
        assert node.text(ACTIVE) == WORKER
        assert not applying.done()
        node.mount()
        await applying
        assert (tmp_path / "config.yaml").read_bytes() == WORKER
    node.record.close()


@on_loop
async def test_the_next_boot_finds_it(clock: FakeClock, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(WORKER)
    boot = FdTable()
    node = Node(clock, boot, tmp_path)
    node.mount()
    async with node.running():
        await settle()
        assert node.text(ACTIVE) == node.text(PERSISTENT) == WORKER
    node.record.close()
    boot.close()


@on_loop
async def test_damage_falls_back_to_the_last_good_one(clock: FakeClock, table: FdTable, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(b"\0" * 100)
    (tmp_path / "config.yaml.previous").write_bytes(WORKER)
    node = Node(clock, table, tmp_path)
    node.mount()
    async with node.running():
        await settle()
        assert node.text(ACTIVE) == WORKER
        assert "config.yaml" in node.events.said[0].error
    node.record.close()


@on_loop
async def test_a_trial_reverts_by_itself_even_when_machined_dies(
    clock: FakeClock, table: FdTable, tmp_path: Path
) -> None:
    (tmp_path / "config.yaml").write_bytes(WORKER)
    first = Node(clock, table, tmp_path)
    first.mount()
    async with first.running():
        await settle()
        await first.acquire.apply(OTHER, Mode.TRY, 60)
        await settle()
        assert first.text(ACTIVE) == OTHER
        assert first.text(PERSISTENT) == WORKER
    first.record.close()
    second = Node(clock, table, tmp_path)
    second.mount()
    async with second.running():
        await settle()
        assert second.text(ACTIVE) == OTHER
        await clock.advance(59)
        assert second.text(ACTIVE) == OTHER
        await clock.advance(2)
        assert second.text(ACTIVE) == WORKER
        assert (tmp_path / "config.yaml").read_bytes() == WORKER
    second.record.close()


@on_loop
async def test_a_large_config_survives_machined_beside_one_on_trial(
    clock: FakeClock, table: FdTable, tmp_path: Path
) -> None:
    large = [text + b"#" + b"x" * (3 << 20) + b"\n" for text in (WORKER, OTHER)]
    first = Node(clock, table, tmp_path)
    first.mount()
    async with first.running():
        await first.acquire.apply(large[0], Mode.NOW)
        await first.acquire.apply(large[1], Mode.TRY, 60)
    first.record.close()
    second = Node(clock, table, tmp_path)
    assert (second.acquire.active, (tmp_path / "config.yaml").read_bytes()) == (large[1], large[0])
    second.record.close()


@on_loop
async def test_staged_is_for_the_next_boot_alone(clock: FakeClock, table: FdTable, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(WORKER)
    node = Node(clock, table, tmp_path)
    node.mount()
    async with node.running():
        await settle()
        await node.acquire.apply(OTHER, Mode.STAGED)
        assert node.text(ACTIVE) == WORKER
        assert (tmp_path / "config.yaml").read_bytes() == OTHER
        assert (tmp_path / "config.yaml.previous").read_bytes() == WORKER
    node.record.close()


@on_loop
async def test_refusals_change_nothing(clock: FakeClock, table: FdTable, tmp_path: Path) -> None:
    node = Node(clock, table, tmp_path)
    node.mount()
    async with node.running():
        with pytest.raises(ConfigErrors, match=r"machine\.tipe"):
            await node.acquire.apply(b"machine:\n  tipe: worker\n", Mode.NOW)
        with pytest.raises(Invalid, match="there is no config yet"):
            await node.acquire.apply(WORKER, Mode.TRY)
        await settle()
        assert node.text(ACTIVE) is None
        assert not list(tmp_path.iterdir())
    node.record.close()


@pytest.mark.parametrize("before", [b"", OTHER])
@on_loop
async def test_killed_between_in_force_and_stored(
    clock: FakeClock, table: FdTable, tmp_path: Path, before: bytes
) -> None:
    if before:
        (tmp_path / "config.yaml").write_bytes(before)
    first = Node(clock, table, tmp_path)
    first.mount()
    async with first.running():
        await settle()
        (tmp_path / "config.yaml.new").mkdir()  # STATE takes nothing
        applying = asyncio.create_task(first.acquire.apply(WORKER, Mode.NOW))
        await settle()
        assert first.text(ACTIVE) == WORKER
        applying.cancel()
    first.record.close()
    (tmp_path / "config.yaml.new").rmdir()
    second = Node(clock, table, tmp_path)
    second.mount()
    async with second.running():
        await settle()
        assert second.text(ACTIVE) == second.text(PERSISTENT) == WORKER
        assert (tmp_path / "config.yaml").read_bytes() == WORKER
    second.record.close()


@on_loop
async def test_what_the_disk_brings_late_wins_over_what_a_stranger_applied(
    clock: FakeClock, table: FdTable, tmp_path: Path
) -> None:
    (tmp_path / "config.yaml").write_bytes(WORKER)
    node = Node(clock, table, tmp_path)
    node.put("STATE", VolumeStatus(phase=VolumePhase.MISSING))
    async with node.running():
        await settle()
        applying = asyncio.create_task(node.acquire.apply(OTHER, Mode.NOW))
        await settle()
        assert node.text(ACTIVE) == OTHER
        node.mount()
        with pytest.raises(Conflict, match="a config of its own"):
            await applying
        assert node.text(ACTIVE) == node.text(PERSISTENT) == WORKER
        assert (tmp_path / "config.yaml").read_bytes() == WORKER
    node.record.close()


@on_loop
async def test_one_apply_at_a_time(clock: FakeClock, table: FdTable, tmp_path: Path) -> None:
    node = Node(clock, table, tmp_path)
    async with node.running():
        first = asyncio.create_task(node.acquire.apply(WORKER, Mode.NOW))
        await settle()
        for mode in Mode:
            with pytest.raises(Conflict, match="another config is being applied"):
                await node.acquire.apply(OTHER, mode)
        node.mount()
        await first
        await node.acquire.apply(OTHER, Mode.NOW)
        assert node.text(ACTIVE) == OTHER
        assert (tmp_path / "config.yaml").read_bytes() == OTHER
    node.record.close()


@on_loop
async def test_a_trial_reverts_though_state_takes_nothing(clock: FakeClock, table: FdTable, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(WORKER)
    node = Node(clock, table, tmp_path)
    node.mount()
    async with node.running():
        await settle()
        await node.acquire.apply(OTHER, Mode.TRY, 60)
        (tmp_path / "config.yaml.new").mkdir()
        staging = asyncio.create_task(node.acquire.apply(OTHER, Mode.STAGED))
        await settle()
        assert node.text(ACTIVE) == OTHER
        await clock.advance(70)
        assert node.text(ACTIVE) == WORKER
        staging.cancel()
    node.record.close()


@on_loop
async def test_a_trial_is_replaced_by_another_and_ended_by_a_config_for_good(
    clock: FakeClock, table: FdTable, tmp_path: Path
) -> None:
    third = OTHER.replace(b"1024", b"2048")
    (tmp_path / "config.yaml").write_bytes(WORKER)
    node = Node(clock, table, tmp_path)
    node.mount()
    async with node.running():
        await settle()
        await node.acquire.apply(OTHER, Mode.TRY, 60)
        await clock.advance(30)
        with pytest.raises(ConfigErrors):
            await node.acquire.apply(b"machine: {tipe: x}", Mode.TRY)
        await node.acquire.apply(third, Mode.TRY, 60)
        await clock.advance(50)
        assert node.text(ACTIVE) == third
        await clock.advance(11)
        assert node.text(ACTIVE) == WORKER
        await node.acquire.apply(OTHER, Mode.TRY, 60)
        await node.acquire.apply(third, Mode.NOW)
        await clock.advance(61)
        assert node.text(ACTIVE) == node.text(PERSISTENT) == third
    node.record.close()


@on_loop
async def test_nothing_but_damage_is_no_blank_machine(clock: FakeClock, table: FdTable, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(b"machine: [")
    node = Node(clock, table, tmp_path)
    node.mount()
    async with node.running():
        await settle()
        await clock.advance(60)
        assert node.store.find(AcquireConfigStatus.at("config")) is None  # so strangers are not served
        assert len(node.events.said) == 1  # however often it was looked at
    node.record.close()


@on_loop
async def test_damage_under_a_running_node_is_mended_by_the_next_config(
    clock: FakeClock, table: FdTable, tmp_path: Path
) -> None:
    (tmp_path / "config.yaml").write_bytes(WORKER)
    first = Node(clock, table, tmp_path)
    first.mount()
    async with first.running():
        await settle()
    first.record.close()
    (tmp_path / "config.yaml").write_bytes(b"\0")
    second = Node(clock, table, tmp_path)
    second.mount()
    async with second.running():
        await settle()
        assert second.text(ACTIVE) == WORKER
        await second.acquire.apply(OTHER, Mode.NOW)
        assert (tmp_path / "config.yaml").read_bytes() == OTHER
    second.record.close()
