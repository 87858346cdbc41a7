"""Which API servers a node knows, and the balancer's process as machined after machined tells it of them."""

import contextlib
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.base.clock import SystemClock
from core.config import generate
from core.node.controllers.k8s.network import kubeprism
from core.node.controllers.k8s.network.balancer import Balancer
from core.node.resources.cluster import ControlPlane, Identity, Member
from core.node.resources.config import MachineConfig
from core.node.resources.k8s import KubePrismConfig, KubePrismEndpoint, KubePrismEndpoints, KubePrismStatuses
from tests.ext_prism.house import built, free_port, upstream
from tests.node.controllers.house import House
from tests.node.controllers.network.test_network import WORKER
from tests.support.clock import FakeClock, on_loop, settle

CLUSTER = generate.worker(
    generate.new_secrets(1_700_000_000.0), generate.Options(name="c", endpoint="https://cluster.example:8443")
)
FEATURE = b"  features: {kubePrism: {enabled: true, port: 7446}}\n"


def _endpoints(*known: tuple[str, int]) -> KubePrismEndpoints:
    return KubePrismEndpoints(endpoints=tuple(KubePrismEndpoint(host=host, port=port) for host, port in known))


@on_loop
async def test_the_endpoint_comes_first_then_the_members_that_lead() -> None:
    house = House(FakeClock(), [kubeprism.Endpoints(), kubeprism.Settings()])
    house.put("local", Identity(node_id="me"))
    async with house.running():
        await settle()
        assert not house.all(KubePrismEndpoints)
        house.put("v1alpha1", MachineConfig(yaml_marshalled=CLUSTER))
        house.put("a", Member(node_id="a", addresses=("10.5.0.3", "fd00::3"), control_plane=ControlPlane()))
        house.put("b", Member(node_id="b", addresses=("10.5.0.4",)))
        house.put("c", Member(node_id="me", addresses=("10.5.0.5",), control_plane=ControlPlane()))
        await settle()
        known = house.one(KubePrismEndpoints, "k8s-cluster")
        assert known is not None
        assert known == _endpoints(("cluster.example", 8443), ("10.5.0.3", 6443), ("fd00::3", 6443))
        config = house.one(KubePrismConfig, "k8s-loadbalancer-config")
        assert config == KubePrismConfig(host="127.0.0.1", port=7445, endpoints=known.endpoints)
        house.put("v1alpha1", MachineConfig(yaml_marshalled=WORKER))
        await settle()
        assert not house.all(KubePrismConfig)


class Running:
    """The balancer's process, started as the supervisor would."""

    def __init__(self, folder: Path, port: int) -> None:
        self.path, self.port, self.starts = folder / "sock", port, 0
        self.process: subprocess.Popen[bytes] | None = None

    async def run(self, moved: bool) -> None:
        if self.process is None or moved:
            self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        self.starts += 1
        words = ["65534", "127.0.0.1", str(self.port), str(self.path), "50", "5000", "2000", "5000"]
        return subprocess.Popen([str(built(False)), *words], stdout=subprocess.DEVNULL)

    async def rest(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None

    @contextlib.asynccontextmanager
    async def machined(self) -> AsyncIterator[House]:
        house = House(SystemClock(), [kubeprism.Settings(), Balancer(self.run, self.rest, str(self.path))])
        text = FEATURE.replace(b"7446", str(self.port).encode())
        house.put("v1alpha1", MachineConfig(yaml_marshalled=WORKER + text))
        async with house.running():
            yield house


def _healthy(house: House) -> bool | None:
    status = house.one(KubePrismStatuses, "k8s-loadbalancer")
    return None if status is None else status.healthy


@pytest.fixture
def running(tmp_path: Path) -> Running:
    return Running(tmp_path, free_port())


@on_loop
async def test_the_process_outlives_who_told_it(running: Running) -> None:
    port = free_port("127.0.1.1")
    try:
        async with running.machined() as house:
            house.put("k8s-cluster", _endpoints(("127.0.1.1", port)))
            await house.until(lambda: _healthy(house) is False)
            with upstream("127.0.1.1", port):
                await house.until(lambda: _healthy(house) is True)
            await house.until(lambda: _healthy(house) is False)
        process = running.process
        with upstream("localhost", port):
            async with running.machined() as house:
                house.put("k8s-cluster", _endpoints(("localhost", port), ("no.such.name.invalid", port)))
                await house.until(lambda: _healthy(house) is True)
                assert (running.starts, running.process) == (1, process)
                house.put("v1alpha1", MachineConfig(yaml_marshalled=WORKER))
                await house.until(lambda: _healthy(house) is None)
    finally:
        await running.rest()
    assert process is not None
    assert process.returncode == 0
