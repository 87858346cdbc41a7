"""Real members of etcd, by the client and the steps by which a node joins and leaves."""

import asyncio
import hashlib
import signal
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from core.base.errors import NotReady
from core.cluster.etcd.client import Etcd, any_of, each_of
from core.cluster.etcd.membership import Add, Me, Remove, Start, check_removal, joining, successor
from core.rpc.client import Channel
from core.rpc.pb.etcd import rpc_pb2 as pb
from core.rpc.status import Code, RpcError
from tests.support.clock import on_loop
from tests.support.etcd import Etcds, Running, program


async def soon(ask: Callable[[], Awaitable[object]]) -> None:
    """Until it is no more refused: etcd changes its membership only 5 s after the last member came."""
    async with asyncio.timeout(60):
        while True:
            try:
                await ask()
                return
            except (RpcError, NotReady):
                await asyncio.sleep(0.05)


async def first(etcds: Etcds, name: str = "one") -> tuple[Running, Etcd]:
    """A cluster of one."""
    member = etcds.add(name)
    member.start([f"{name}={member.peer_urls[0]}"], new=True)
    client = etcds.client(member)
    await soon(client.serves)
    return member, client


async def come_in(etcds: Etcds, member: Running, through: Etcd) -> list[str]:
    """Take the steps of joining, each anew from what the members say; which they were."""
    steps = []
    while True:
        said = await through.members()
        step = joining(said.members, Me(member.name, member.peer_urls), {said.header.member_id})
        steps.append(type(step).__name__)
        match step:
            case Remove(gone):
                await soon(partial(through.remove, gone.ID))
            case Add():
                await soon(partial(through.add_learner, member.peer_urls))
            case Start(ours, members):
                member.start(members)
                await soon(partial(through.promote, ours.ID))
                return steps


@on_loop
async def test_a_member_tells_of_itself_and_is_kept_well(etcds: Etcds) -> None:
    _, client = await first(etcds)
    async with client:
        status, listed = await client.status(), await client.members()
        assert status.version.startswith("3.5.") and status.leader == status.header.member_id
        assert [each.name for each in listed.members] == ["one"]
        assert listed.header.cluster_id == status.header.cluster_id
        await client.defragment()
        whole = b"".join([piece async for piece in client.snapshot()])
        assert hashlib.sha256(whole[:-32]).digest() == whole[-32:]
        saved = etcds.folder / "snapshot"
        saved.write_bytes(whole)
        by_etcd = await asyncio.create_subprocess_exec(program("etcdutl"), "snapshot", "status", saved)
        assert await by_etcd.wait() == 0
        with pytest.raises(RpcError, match="can only promote a learner member") as refused:
            await client.promote(status.header.member_id)
        assert refused.value.code is Code.FAILED_PRECONDITION


@on_loop
async def test_a_full_member_takes_writes_again_once_its_alarm_is_taken_back(etcds: Etcds) -> None:
    _, client = await first(etcds)
    async with client:
        full = pb.AlarmRequest(action=pb.AlarmRequest.AlarmAction.ACTIVATE, alarm=pb.AlarmType.NOSPACE)
        async with Channel(client.address, etcds.tls) as channel:
            await channel.unary("/etcdserverpb.Maintenance/Alarm", full, pb.AlarmResponse)
        (alarm,) = await client.alarms()
        assert alarm.alarm == pb.AlarmType.NOSPACE
        await client.disarm(alarm)
        assert not await client.alarms()


@on_loop
async def test_members_come_in_are_lost_and_come_in_anew_without_a_vote_too_many(etcds: Etcds) -> None:
    _, client = await first(etcds)
    two, three = etcds.add("two"), etcds.add("three")
    async with client, etcds.client(two) as second, etcds.client(three) as third:
        assert await come_in(etcds, two, client) == ["Add", "Start"]
        assert await come_in(etcds, three, client) == ["Add", "Start"]
        await soon(third.serves)
        three.empty()  # wiped: what it voted for is gone
        assert await come_in(etcds, three, client) == ["Remove", "Add", "Start"]
        await soon(third.serves)
        members = (await client.members()).members
        assert sorted(each.name for each in members) == ["one", "three", "two"]
        assert not any(each.isLearner for each in members)
        statuses = await each_of([client, second, third], Etcd.status)
        assert len({each.header.cluster_id for each in statuses if not isinstance(each, RpcError)}) == 1


@on_loop
async def test_one_that_was_killed_between_being_added_and_started_goes_on(etcds: Etcds) -> None:
    _, client = await first(etcds)
    two = etcds.add("two")
    async with client:
        await client.add_learner(two.peer_urls)
        assert await come_in(etcds, two, client) == ["Start"]


@on_loop
async def test_a_leader_that_leaves_hands_over_and_takes_no_majority_with_it(etcds: Etcds) -> None:
    one, client = await first(etcds)
    two = etcds.add("two")
    async with client, etcds.client(two) as second:
        await come_in(etcds, two, client)
        await soon(second.serves)
        members, leader = (await client.members()).members, (await client.status()).leader
        ours = next(each for each in members if each.name == "one")
        heir = successor(members, ours.ID, {each.ID for each in members})
        assert leader == ours.ID and heir is not None and heir.name == "two"
        check_removal(members, ours, {each.ID for each in members})
        await client.move_leader(heir.ID)
        assert (await second.status()).leader == heir.ID
        await soon(lambda: any_of([second, client], lambda etcd: etcd.remove(ours.ID)))
        one.kill(signal.SIGTERM)
        assert [each.name for each in (await second.members()).members] == ["two"]
        await second.serves()


@on_loop
async def test_silence_names_who_was_asked_and_what_kept_them(etcds: Etcds) -> None:
    one, client = await first(etcds)
    two = etcds.add("two")
    async with client, etcds.client(two) as second:
        assert (await any_of([second, client], Etcd.members)).members[0].name == "one"
        one.kill()
        with pytest.raises(NotReady, match=f"no member of etcd answers; {two.address}:2379: .*; {one.address}:2379: "):
            await any_of([second, client], Etcd.members)
        refused = await each_of([client], Etcd.status)
        assert isinstance(refused[0], RpcError) and refused[0].code is Code.UNAVAILABLE
