"""The upgrade of two control planes and a worker, step by step: what is changed when, what it waits for, and that it
goes on wherever it was killed."""

from typing import Final

import pytest

from core.base.errors import NotReady
from core.cli.upgrading.manifests import Manifests
from core.cli.upgrading.plan import make
from core.cli.upgrading.steps import Upgrade, Wishes
from core.cli.upgrading.waiting import Waiting
from core.cluster.kubernetes.paths import DAEMON_SETS
from core.cluster.kubernetes.upgrades import Version
from tests.cli.upgrading.world import PLANES, SYSTEM, Killed, Moments, World
from tests.support.apiserver import ApiServer
from tests.support.clock import on_loop

PARTS: Final = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet")
ORDER: Final = [*((part, plane.name) for part in PARTS for plane in PLANES), ("kubelet", "w-1")]


async def _run(world: World, after: str) -> list[str]:
    """All of it; what it said."""
    said, clock = list[str](), Moments(world)
    manifests = Manifests(world, PLANES[0], clock, force=False)
    upgrade = Upgrade(world, manifests, Waiting(clock), said.append, Wishes(pull=False))
    await upgrade.run(make(await world.look(), Version.parse(after)))
    return said


@on_loop
async def test_one_after_the_other_and_each_when_the_one_before_is_well(apiserver: ApiServer) -> None:
    async with apiserver.client() as kubernetes:
        world = World(kubernetes, "1.33.4")
        await world.begin()
        said = await _run(world, "1.34.1")
        assert world.applied == ORDER
        assert "cp-2: kube-scheduler: v1.33.4 -> v1.34.1" in said
        assert "kube-proxy: well on every node" in said
        assert make(await world.look(), Version.parse("1.34.1")).left == 0


@on_loop
async def test_killed_behind_any_change_it_goes_on_from_there(apiserver: ApiServer) -> None:
    async with apiserver.client() as kubernetes:
        world = World(kubernetes, "1.33.4")
        await world.begin()
        for number in range(1, len(ORDER) + 1):
            world.mortal = number
            with pytest.raises(Killed):
                await _run(world, "1.34.1")
        world.mortal = 0
        await _run(world, "1.34.1")
        assert world.applied == ORDER


@on_loop
async def test_what_does_not_come_up_is_named_and_nothing_else_is_touched(apiserver: ApiServer) -> None:
    async with apiserver.client() as kubernetes:
        world = World(kubernetes, "1.33.4")
        await world.begin()
        clock = _Impatient(world)
        upgrade = Upgrade(
            world, Manifests(world, PLANES[0], clock, force=False), Waiting(clock), lambda _: None, Wishes(pull=False)
        )
        with pytest.raises(
            NotReady, match=r"cp-1: kube-apiserver: the kubelet does not show it yet.*goes on from here"
        ):
            await upgrade.run(make(await world.look(), Version.parse("1.34.1")))
        assert world.applied == ORDER[:1]


@on_loop
async def test_manifests_of_others_fields_are_left_to_them(apiserver: ApiServer) -> None:
    """And a workload that had not run before is said, and not waited for."""
    async with apiserver.client() as kubernetes:
        world = World(kubernetes, "1.33.4")
        await world.begin()
        metadata = {"annotations": {"config.k8s.io/owning-inventory": None}}
        await kubernetes.patch(DAEMON_SETS, "kube-proxy", {"metadata": metadata}, SYSTEM)
        await _run(world, "1.33.4")
        found = await kubernetes.get(DAEMON_SETS, "kube-proxy", SYSTEM)
        assert "config.k8s.io/owning-inventory" in found["metadata"]["annotations"]
        assert world.applied == []


class _Impatient(Moments):
    """An hour goes by with each moment, and nothing comes."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._passed = 0.0

    def monotonic(self) -> float:
        return self._passed

    async def sleep(self, seconds: float) -> None:
        self._passed += 3600.0
