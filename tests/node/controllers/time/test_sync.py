"""The clock follows a real NTP server over UDP; the clock itself is the test's, since the machine's is not ours to
set."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.codec.ntp import Sample
from core.linux import timekeeping
from core.linux.network import Network
from core.linux.ntp import query
from core.node.controllers.time import TimeSync
from core.node.resources.block import MountStatus
from core.node.resources.network import NetworkStatus, TimeServerStatus
from core.node.resources.time import TimeOffset, TimeStatus
from tests.node.controllers.house import House
from tests.support.clock import FakeClock, on_loop, settle
from tests.support.netns import namespace
from tests.support.timeserver import TimeServer, serving

TRUTH = 1_700_000_000.0


class Hand:
    """Steers the test's clock and notes how."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.steps: list[float] = []
        self.slews: list[float] = []
        self.slewed = asyncio.Event()

    def step(self, seconds: float) -> None:
        self.steps.append(seconds)
        self._clock.step(seconds)

    def slew(self, seconds: float) -> None:
        self.slews.append(seconds)
        self.slewed.set()
        self._clock.step(seconds)


class Timed(House):
    """The controller with a server whose clock is right."""

    def __init__(self, network: Network, folder: Path, *, wrong: float, built: float = 0.0, own: bool = True) -> None:
        self.clock = FakeClock(TRUTH + wrong)
        self.error = 0.0
        self.hand = Hand(self.clock)

        async def ask(server: str) -> Sample:
            return await query(network, server, self.clock)

        sync = TimeSync(ask, self.clock, self.hand if own else None, built, folder / "clock")
        super().__init__(self.clock, [sync])

    def truth(self) -> float:
        return TRUTH + self.clock.monotonic() + self.error

    def status(self) -> TimeStatus | None:
        return self.one(TimeStatus, "node")

    def synced(self) -> bool:
        status = self.status()
        return status is not None and status.synced

    def connect(self, *servers: str) -> None:
        self.put("timeservers", TimeServerStatus(ntp_servers=servers or ("127.0.0.1",)))
        self.put("status", NetworkStatus(connectivity_ready=True))


@asynccontextmanager
async def timed(
    folder: Path, *, wrong: float, built: float = 0.0, own: bool = True
) -> AsyncIterator[tuple[Timed, TimeServer]]:
    with namespace() as near, Network(near.fd) as network:
        house = Timed(network, folder, wrong=wrong, built=built, own=own)
        async with serving(near, "127.0.0.1", house.truth) as server, house.running():
            yield house, server


@on_loop
async def test_a_clock_far_off_is_set_once_and_then_slewed(tmp_path: Path) -> None:
    async with timed(tmp_path, wrong=-5000.0) as (house, _):
        await settle()
        assert house.status() == TimeStatus()
        house.connect()
        await house.until(house.synced)
        assert house.hand.steps == [pytest.approx(5000.0, abs=1e-3)]
        assert house.status() == TimeStatus(synced=True, epoch=1)
        house.error = 0.01
        await house.clock.advance(200)
        await house.hand.slewed.wait()
        assert house.hand.slews[-1] == pytest.approx(0.01, abs=1e-3)
        assert len(house.hand.steps) == 1
        said = house.one(TimeOffset, "node")
        assert said is not None
        assert said.offset == pytest.approx(0.01, abs=1e-3)
        assert said.asked == pytest.approx(house.clock.now(), abs=200)


@on_loop
async def test_a_server_that_is_wrong_once_is_not_believed(tmp_path: Path) -> None:
    async with timed(tmp_path, wrong=0.001) as (house, server):
        house.connect()
        await house.until(house.synced)
        before = server.asked
        server.time = lambda: house.truth() + (3600.0 if server.asked == before + 1 else 0.0)
        await house.clock.advance(130)
        while server.asked < before + 2:
            server.was_asked.clear()
            await server.was_asked.wait()
        await settle()
        assert house.hand.steps == []


@on_loop
async def test_the_next_server_is_asked_when_one_is_silent(tmp_path: Path) -> None:
    async with timed(tmp_path, wrong=1.0) as (house, _):
        house.connect("127.0.0.2", "127.0.0.1")  # nobody listens on the first
        await house.until(house.synced)
        assert house.hand.steps == [pytest.approx(-1.0, abs=1e-3)]


@on_loop
async def test_the_floor_is_the_build_and_then_what_state_remembers(tmp_path: Path) -> None:
    timekeeping.remember(tmp_path / "clock", TRUTH - 50)
    async with timed(tmp_path, wrong=-1e9, built=TRUTH - 1000) as (house, _):
        await settle()
        assert house.clock.now() == pytest.approx(TRUTH - 1000)
        house.put("STATE", MountStatus(target="/system/state"))
        await settle()
        assert house.clock.now() == pytest.approx(TRUTH - 50)
        house.connect()
        await house.until(house.synced)
        assert timekeeping.last_known(tmp_path / "clock") == int(TRUTH)


@on_loop
async def test_a_clock_that_is_not_ours_counts_as_right_and_nobody_is_asked(tmp_path: Path) -> None:
    async with timed(tmp_path, wrong=-1e9, built=TRUTH, own=False) as (house, server):
        house.connect()
        await house.until(house.synced)
        await house.clock.advance(5000)
        assert house.status() == TimeStatus(synced=True, sync_disabled=True)
        assert (server.asked, house.hand.steps, house.hand.slews) == (0, [], [])


def test_a_damaged_memory_is_no_time(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    assert timekeeping.last_known(path) == 0.0
    path.write_text("soon\n")
    assert timekeeping.last_known(path) == 0.0
