"""A cluster begun anew: from a snapshot, whole or damaged; from the one member that is left."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from core.base.errors import Conflict, Invalid
from core.cluster.etcd import bootstrap, recover
from core.cluster.etcd.client import Etcd
from core.cluster.etcd.journal import Entry, Stage
from core.cluster.etcd.recover import BUMP, Report
from tests.support.clock import on_loop
from tests.support.control import CLOCK, Control, controls, formed, gathered, run
from tests.support.etcd import Etcds
from tests.support.steps import killed_after, taken

NAMES = ("one", "two", "three")


async def saved(etcd: Etcd, path: Path) -> Path:
    path.write_bytes(b"".join([piece async for piece in etcd.snapshot()]))
    return path


@on_loop
async def test_a_snapshot_becomes_a_cluster_and_a_damaged_one_none(hasty: Etcds) -> None:
    async with formed(controls(hasty, ["one"])) as (one,):
        await one.own.put(b"key", b"value")
        before = (await one.own.status()).header
        snapshot = await saved(one.own, hasty.folder / "snapshot")
        await one.leave(last=True)
    damaged = hasty.folder / "damaged"
    damaged.write_bytes(snapshot.read_bytes()[:-1] + b"?")
    cut = hasty.folder / "cut"
    cut.write_bytes(snapshot.read_bytes()[:-32])
    async with AsyncExitStack() as stack:
        two = await stack.enter_async_context(controls(hasty, ["two"])[0])
        running = asyncio.ensure_future(two.run())
        await gathered(two, 0)
        with pytest.raises(Invalid, match="damaged is damaged"):
            await bootstrap.bootstrap(two.local, two.reach, CLOCK, source=str(damaged))
        with pytest.raises(Invalid, match="cut is no snapshot with a hash; skip the check"):
            await bootstrap.bootstrap(two.local, two.reach, CLOCK, source=str(cut))
        assert two.local.journal.entry == Entry()
        await bootstrap.bootstrap(two.local, two.reach, CLOCK, source=str(cut), trusted=True)
        await running
        assert await two.own.get(b"key") == b"value"
        after = (await two.own.status()).header
        assert after.cluster_id != before.cluster_id
        assert after.revision >= before.revision + BUMP


@on_loop
async def test_what_etcd_takes_for_no_database_leaves_a_node_as_it_was(hasty: Etcds) -> None:
    nonsense = hasty.folder / "nonsense"
    nonsense.write_bytes(b"?" * 4096)
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(controls(hasty, ["one"])[0])
        running = asyncio.ensure_future(one.run())
        await gathered(one, 0)
        await bootstrap.bootstrap(one.local, one.reach, CLOCK, source=str(nonsense), trusted=True)
        with pytest.raises(Invalid, match="etcdutl failed"):
            await running
        assert one.local.journal.entry == Entry()
        assert not one.local.has_data and not one.local.restoring.exists()


@pytest.mark.slow
def test_a_node_killed_after_any_step_of_restoring_goes_on(hasty: Etcds) -> None:
    snapshot = hasty.folder / "snapshot"

    async def old() -> None:
        async with formed(controls(hasty, ["old"])) as (member,):
            await member.own.put(b"key", b"value")
            await saved(member.own, snapshot)
            await member.leave(last=True)

    async def begin() -> None:
        async with Control(hasty, hasty.all[-1]) as control:
            running = asyncio.ensure_future(control.run())
            if control.local.journal.entry.stage is Stage.FREE and not control.local.has_data:
                await bootstrap.bootstrap(control.local, control.reach, CLOCK, source=str(snapshot))
            await running
            assert await control.own.get(b"key") == b"value"
            assert (await control.own.members()).members[0].name == control.member.name

    asyncio.run(old())
    hasty.add("new")
    steps = taken(begin)
    stages = ("claiming", "restoring", "restored", "bootstrap", "member of a member")
    assert [each for each in steps if "write" in each] == [f"Journal.write {stage}" for stage in stages]
    assert {"Path.rename", "rmtree", "Running.start"} < {*steps}
    for number, step in enumerate(steps):
        hasty.all[-1].kill()
        hasty.add(f"new{number}")
        killed_after(step, begin)
        hasty.all[-1].kill()
        asyncio.run(begin())


@pytest.mark.slow
def test_the_one_that_is_left_begins_anew_and_those_given_up_come_back_without_their_data(hasty: Etcds) -> None:
    asyncio.run(asyncio.wait_for(lose_two_of_three(hasty), 180))


async def lose_two_of_three(etcds: Etcds) -> None:
    async with formed(controls(etcds, NAMES)) as (one, two, three):
        await one.own.put(b"key", b"value")
        newest = (await one.own.status()).header.revision
        while (await two.own.status()).header.revision < newest:
            await CLOCK.sleep(0.01)
        with pytest.raises(Conflict, match="etcd has a quorum"):
            await told(two)
        await asyncio.gather(one.stop(), three.stop())
        three.member.empty()
        seen = await reported(two)
        await two.stop()
        two.member.start()  # without a quorum it never tells anything again
        again = await told(two)
        assert again == seen and seen.revision == newest and seen.name == "two"
        with pytest.raises(Conflict, match=f"two has other data than it told of: revision {newest}; plan anew"):
            await recover.survive(two.local, run, replace(seen, revision=newest + 1))
        with pytest.raises(Conflict, match="other data"):
            recover.forsake(two.local, replace(seen, member=1))
        await recover.survive(two.local, run, seen)
        await two.run()
        assert await two.own.get(b"key") == b"value"
        await three.run()  # it was wiped
        await one.run()  # it has its old data, of a cluster that was given up
        assert len((await one.own.members()).members) == 3
        assert await one.own.get(b"key") == b"value"
        assert {each.local.journal.entry.cluster for each in (one, two, three)} != {seen.cluster}


async def reported(control: Control) -> Report:
    """What it has, as soon as it knows that there is no leader."""
    while True:
        try:
            found = await told(control)
        except Conflict:
            await CLOCK.sleep(0.05)
        else:
            assert found is not None
            return found


async def told(control: Control) -> Report | None:
    """What it has; etcd stays stopped if it had to be."""

    async def stopped() -> Report:
        await control.stop()
        return await recover.read(control.local, run)

    return await recover.report(control.local, control.own, control.reach, stopped)
