"""A node on its way into a cluster and out of it, killed after each of its steps in turn; on one cluster that lives
through all of it with writes that must not be lost."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from core.cluster.etcd import bootstrap
from core.cluster.etcd.journal import Entry, Stage
from tests.support.control import CLOCK, Control, controls, gathered
from tests.support.etcd import Etcds
from tests.support.steps import killed_after, taken

NAMES = ("one", "two", "three")
HARMS = ("keeper", "power", "disk")  # what dies with it: nothing else, etcd too, all its data too


@pytest.mark.slow
@pytest.mark.parametrize("harm", HARMS)
def test_a_node_killed_after_any_step_of_joining_comes_in(hasty: Etcds, harm: str) -> None:
    begin(hasty)
    steps = taken(lambda: alone(hasty, Control.run))
    written = {"Journal.write joining", "Journal.write joining of a member", "Journal.write member of a member"}
    assert {*steps} == {*written, "Etcd.add_learner", "Running.start", "Etcd.promote"}
    for number, step in enumerate(steps, 1):
        asyncio.run(alone(hasty, Control.leave))
        killed_after(step, lambda: alone(hasty, Control.run))
        suffer(hasty, harm)
        asyncio.run(alone(hasty, Control.run))
        asyncio.run(check(hasty, NAMES, number))


@pytest.mark.slow
@pytest.mark.parametrize("harm", HARMS)
def test_a_node_killed_after_any_step_of_leaving_is_gone(hasty: Etcds, harm: str) -> None:
    begin(hasty)
    come(hasty)
    steps = taken(lambda: alone(hasty, Control.leave))
    written = {"Journal.write leaving of a member", "Journal.write removed", "Journal.write free"}
    assert {*steps} == {*written, "Etcd.move_leader", "Etcd.remove", "Running.kill", "Path.rename", "rmtree"}
    for number, step in enumerate(steps, 1):
        come(hasty)
        killed_after(step, lambda: alone(hasty, Control.leave))
        suffer(hasty, harm)
        asyncio.run(alone(hasty, Control.leave))
        asyncio.run(check(hasty, NAMES[:2], number))


@pytest.mark.slow
def test_a_node_killed_after_any_step_of_leaving_comes_in_anew_when_it_is_to_run_etcd(hasty: Etcds) -> None:
    begin(hasty)
    come(hasty)
    steps = taken(lambda: alone(hasty, Control.leave))
    for number, step in enumerate(steps, 1):
        come(hasty)
        before = asyncio.run(identity(hasty))
        killed_after(step, lambda: alone(hasty, Control.leave))
        hasty.all[2].kill()
        asyncio.run(alone(hasty, Control.run))
        asyncio.run(check(hasty, NAMES, number))
        assert asyncio.run(identity(hasty)) != before


async def identity(etcds: Etcds) -> int:
    async with third(etcds) as control:
        return (await control.own.status()).header.member_id


def come(etcds: Etcds) -> None:
    """The third is there, and leads, so that it has something to hand over."""
    asyncio.run(alone(etcds, Control.run))
    asyncio.run(lead(etcds))


def begin(etcds: Etcds) -> None:
    """A cluster of the first two."""

    async def run() -> None:
        async with AsyncExitStack() as stack:
            one, two, _ = [await stack.enter_async_context(each) for each in controls(etcds, NAMES)]
            running = asyncio.gather(one.run(), two.run())
            await gathered(one, 1)
            assert len(await bootstrap.bootstrap(one.local, one.reach, CLOCK)) == 1  # the third is silent
            await running

    asyncio.run(run())


async def alone(etcds: Etcds, job: Callable[[Control], Awaitable[None]]) -> None:
    """The third node, from what is on its disk."""
    async with third(etcds) as control:
        await job(control)


def third(etcds: Etcds) -> Control:
    return Control(etcds, etcds.all[2], [each.address for each in etcds.all[:2]])


def suffer(etcds: Etcds, harm: str) -> None:
    if harm in ("power", "disk"):
        etcds.all[2].kill()
    if harm == "disk":
        etcds.all[2].empty()


async def lead(etcds: Etcds) -> None:
    async with third(etcds) as control, etcds.client(etcds.all[0]) as one, etcds.client(etcds.all[1]) as two:
        status = await control.own.status()
        if status.leader != status.header.member_id:
            leader = one if (await one.status()).header.member_id == status.leader else two
            await leader.move_leader(status.header.member_id)


async def check(etcds: Etcds, names: tuple[str, ...], number: int) -> None:
    """These are the members, all with a vote; what was written each time is there; the third knows where it stands."""
    async with third(etcds) as control, etcds.client(etcds.all[0]) as one:
        listed = (await one.members()).members
        assert sorted(each.name for each in listed) == sorted(names)
        assert not any(each.isLearner for each in listed)
        await one.put(b"%d" % number, b"kept")
        assert [await one.get(b"%d" % each) for each in range(1, number + 1)] == [b"kept"] * number
        within = control.local.me.name in names
        assert control.local.has_data is within
        if within:
            await control.own.serves()
            assert control.local.journal.entry.stage is Stage.MEMBER
        else:
            assert control.local.journal.entry == Entry()
