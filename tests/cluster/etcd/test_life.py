"""A cluster's life, by what its nodes do of themselves."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from core.base.errors import Invalid, NotReady
from core.cluster.etcd import bootstrap, join, leave
from core.cluster.etcd.journal import Stage
from tests.support.control import CLOCK, Control, controls, formed, gathered, run
from tests.support.etcd import Etcds

SECONDS = 120  # a member whose first words to the others are lost says them again after 7


def test_three_come_in_after_one_was_asked_and_one_leaves(hasty: Etcds) -> None:
    asyncio.run(asyncio.wait_for(come_and_go(hasty), SECONDS))


async def come_and_go(hasty: Etcds) -> None:
    async with AsyncExitStack() as stack:
        one, two, three = [await stack.enter_async_context(each) for each in controls(hasty, ["one", "two", "three"])]
        running = asyncio.gather(one.run(), two.run(), three.run())
        await gathered(one, 2)
        assert await bootstrap.bootstrap(one.local, one.reach, CLOCK) == []
        await running
        assert {each.local.journal.entry.stage for each in (one, two, three)} == {Stage.MEMBER}
        assert len((await one.own.members()).members) == 3
        await leave.check(one.local, one.own, one.reach)
        await one.leave()
        await leave.check(one.local, one.own, one.reach)  # who is no member may go anywhere
        assert not one.local.has_data
        assert one.local.journal.entry.stage is Stage.FREE
        assert sorted(each.name for each in (await two.own.members()).members) == ["three", "two"]
        await two.stop()
        with pytest.raises(NotReady):
            await leave.check(three.local, three.own, three.reach)


def test_who_has_nothing_to_be_started_with_is_not_added(hasty: Etcds) -> None:
    asyncio.run(asyncio.wait_for(stay_out(hasty), SECONDS))


async def stay_out(hasty: Etcds) -> None:
    async def fetch() -> None:
        raise Invalid("there is no such image")

    one = Control(hasty, hasty.add("one"))
    async with formed([one]), Control(hasty, hasty.add("two"), [one.member.address]) as two:
        with pytest.raises(Invalid, match="no such image"):
            await join.enter(two.local, two.reach, run, CLOCK, fetch)
        assert [each.name for each in (await one.own.members()).members] == ["one"]
        assert two.local.journal.entry.stage is Stage.FREE
