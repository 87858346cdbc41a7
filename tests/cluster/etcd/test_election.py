"""Candidates in an election of real members: one at a time, the next as soon as he may, and never two."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from core.base.clock import SystemClock
from core.base.errors import NotReady
from core.cluster.etcd.client import Etcd, any_of
from core.cluster.etcd.election import Candidate, enter
from core.cluster.etcd.lease import grant, revoke
from core.rpc.status import Code, RpcError
from tests.cluster.etcd.test_client import come_in, first, soon
from tests.support.clock import on_loop
from tests.support.etcd import Etcds, Running

CLOCK = SystemClock()
PREFIX = b"test:election"


@asynccontextmanager
async def kept(candidate: Candidate) -> AsyncIterator[asyncio.Task[None]]:
    """Its lease is renewed while the block lasts; the task ends when that is of no use any more."""

    async def keep() -> None:
        await candidate.lease.keep(lambda: None)

    task = asyncio.create_task(keep())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def stand(etcd: Etcd, name: bytes, seconds: int = 60) -> Candidate:
    return await enter(etcd, PREFIX, name, CLOCK, seconds)


@on_loop
async def test_the_next_is_elected_when_the_one_before_gives_up_and_no_sooner(etcds: Etcds) -> None:
    _, etcd = await first(etcds)
    async with etcd:
        one, two, three = [await stand(etcd, name) for name in (b"one", b"two", b"three")]
        await one.elected()
        second, third = asyncio.create_task(two.elected()), asyncio.create_task(three.elected())
        await revoke(etcd, two.lease.number)  # three now waits for one, and two for nobody's good
        await etcd.serves()
        assert not third.done()
        await revoke(etcd, one.lease.number)
        await asyncio.gather(second, third)
        with pytest.raises(RpcError) as gone:
            await revoke(etcd, one.lease.number)
        assert gone.value.code is Code.NOT_FOUND


@on_loop
async def test_who_was_killed_finds_its_place_again(etcds: Etcds) -> None:
    _, etcd = await first(etcds)
    async with etcd:
        one = await stand(etcd, b"one")
        await stand(etcd, b"two")
        again = await stand(etcd, b"one")
        assert (again.lease.number, again.revision) == (one.lease.number, one.revision)
        await again.elected()


@on_loop
async def test_nobody_is_elected_while_a_silent_one_may_count_on_its_lease(etcds: Etcds) -> None:
    _, etcd = await first(etcds)
    async with etcd:
        silent = await stand(etcd, b"silent", seconds=3)
        other = await stand(etcd, b"other")
        await other.elected()
        assert CLOCK.monotonic() >= silent.lease.until
        with pytest.raises(NotReady, match="etcd has the lease no more"):
            silent.lease.until = CLOCK.monotonic() + 60
            await silent.lease.keep(lambda: None)


@on_loop
async def test_a_lease_that_is_kept_outlives_its_time(etcds: Etcds) -> None:
    _, etcd = await first(etcds)
    async with etcd:
        lease = await grant(etcd, CLOCK, 4)  # time enough for a disk that makes etcd wait
        first_end, times = lease.until, asyncio.Semaphore(0)
        keeping = asyncio.ensure_future(lease.keep(times.release))
        while lease.until < first_end + 4:
            renewed = asyncio.ensure_future(times.acquire())
            await asyncio.wait([renewed, keeping], return_when=asyncio.FIRST_COMPLETED)
            assert not keeping.done()
        keeping.cancel()
        assert await lease.renew(5)


async def three(etcds: Etcds, stack: AsyncExitStack) -> list[tuple[Running, Etcd]]:
    """Members that vote."""
    one, client = await first(etcds)
    found = [(one, client)]
    for name in ("two", "three"):
        member = etcds.add(name)
        await come_in(etcds, member, client)
        found.append((member, etcds.client(member)))
    for _, etcd in found:
        await stack.enter_async_context(etcd)
        await soon(etcd.serves)
    return found


@on_loop
async def test_a_frozen_member_costs_its_node_the_place_and_the_others_take_it_over_when_the_lease_is_over(
    hasty: Etcds,
) -> None:
    async with AsyncExitStack() as stack:
        (one, frozen), (_, second), _ = await three(hasty, stack)
        candidate, after = await stand(frozen, b"one", 3), await stand(second, b"two")
        async with kept(candidate) as keeping:
            await candidate.elected()
            os.close(one.send(signal.SIGSTOP))
            await asyncio.wait([keeping])
            with pytest.raises(NotReady, match="the lease is over: "):
                await keeping
        await soon(after.elected)
        assert CLOCK.monotonic() >= candidate.lease.until
        os.close(one.send(signal.SIGCONT))


@on_loop
async def test_the_others_take_the_lease_back_of_one_whose_member_is_dead(hasty: Etcds) -> None:
    async with AsyncExitStack() as stack:
        (one, dead), (_, second), (_, third) = await three(hasty, stack)
        candidate, after = await stand(dead, b"one"), await stand(second, b"two")
        one.kill()
        await soon(third.serves)
        await any_of([dead, third], lambda etcd: revoke(etcd, candidate.lease.number))
        await soon(after.elected)
        assert CLOCK.monotonic() < candidate.lease.until  # nobody had to wait for its end
