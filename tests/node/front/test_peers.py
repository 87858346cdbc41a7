"""The cache of connections to other nodes: when it dials, when it does not, and what becomes of a connection."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from core.base.errors import Exhausted
from core.node.front.peers import Limits, Peers
from core.pki import issue
from core.pki.types import Algorithm, Authority
from core.rpc.client import Channel
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.status import Code, RpcError
from tests.node.front.conftest import CALM, HUNG, REFUSED, A, B, Run
from tests.node.front.doors import (
    CA,
    EVENTS,
    HOSTNAME,
    NOW,
    PORT,
    VERSION,
    Cluster,
    answer,
    certificate,
    tls,
    until,
)
from tests.support.netns import Namespace, on_loop_in

TO_B = [("node", B)]


def with_peers(space: Namespace, test: Callable[[Peers], Awaitable[None]], limits: Limits = CALM) -> None:
    """`test` on a cache that lives, in the namespace."""

    async def main() -> None:
        peers = Peers(limits)
        keeping = asyncio.create_task(peers.keep())
        await asyncio.sleep(0)
        peers.use(tls("os:impersonator"))
        await test(peers)
        keeping.cancel()
        await asyncio.wait([keeping])

    on_loop_in(space, main)


async def refusal(peers: Peers, target: str) -> str:
    with peers.hold(target) as peer, pytest.raises(RpcError) as caught:
        await peer.connection()
    assert caught.value.code is Code.UNAVAILABLE
    return caught.value.message


def test_one_dials_for_all_and_nobody_again_too_early(space: Namespace) -> None:
    async def test(peers: Peers) -> None:
        loop = asyncio.get_running_loop()
        with socket.create_server((HUNG, PORT)) as listener:
            listener.setblocking(False)
            waiting = [asyncio.create_task(refusal(peers, HUNG)) for _ in range(20)]
            accepted, _ = await loop.sock_accept(listener)
            accepted.close()
            reasons = {await one for one in waiting} | {await refusal(peers, HUNG)}
            assert len(reasons) == 1
            with pytest.raises(BlockingIOError):
                listener.accept()

    with_peers(space, test)


def test_after_a_while_it_is_tried_again(space: Namespace) -> None:
    async def test(peers: Peers) -> None:
        await refusal(peers, REFUSED)
        loop = asyncio.get_running_loop()
        with socket.create_server((REFUSED, PORT)) as listener:
            listener.setblocking(False)
            tried = asyncio.Event()

            def accept() -> None:
                listener.accept()[0].close()
                tried.set()

            loop.add_reader(listener, accept)
            while not tried.is_set():
                await refusal(peers, REFUSED)
                await asyncio.sleep(0)
            loop.remove_reader(listener)

    with_peers(space, test, replace(CALM, backoff=0.01))


def test_there_is_room_for_so_many(space: Namespace) -> None:
    async def test(peers: Peers) -> None:
        with peers.hold("one") as one:
            with peers.hold("two") as two, pytest.raises(Exhausted):
                peers.hold("three").__enter__()
            with peers.hold("three"):  # in the place of two, which nobody uses now
                assert two.retired.is_set()
                assert not one.retired.is_set()
        with peers.hold("one") as again:
            assert again is one

    with_peers(space, test, replace(CALM, targets=2))


def test_who_is_idle_is_let_go(run: Run) -> None:
    async def test(doors: Cluster, channel: Channel) -> None:
        assert await answer(channel, VERSION, TO_B) is Code.OK
        await until(lambda: doors.doors["b"].server.connections == 0)
        stream = channel.server_stream(EVENTS, pb.EventsRequest(), pb.Event, TO_B)
        async with stream:
            await anext(stream)
            assert doors.doors["b"].server.connections == 1
        await until(lambda: doors.doors["b"].server.connections == 0)

    run(test, replace(CALM, idle=0.05))


def test_a_call_under_way_keeps_its_connection_when_the_certificate_changes(run: Run) -> None:
    async def test(doors: Cluster, channel: Channel) -> None:
        server = doors.doors["b"].server
        stream = channel.server_stream(EVENTS, pb.EventsRequest(), pb.Event, TO_B)
        async with stream:
            await anext(stream)
            assert await answer(channel, VERSION, TO_B) is Code.OK
            assert server.connections == 1
            doors["a"].serve_with(verified=True, client=certificate("os:impersonator"))
            while server.connections == 1:  # until a new call goes by a new connection
                assert await answer(channel, VERSION, TO_B) is Code.OK
            doors["b"].more.set()
            assert (await anext(stream)).id == "b again"
        await until(lambda: server.connections == 1)

    run(test, a=A, b=B)


def test_a_call_does_not_hold_up_a_new_certificate_for_ever(run: Run) -> None:
    async def test(doors: Cluster, channel: Channel) -> None:
        asking = asyncio.create_task(answer(channel, HOSTNAME, TO_B))
        await until(lambda: doors["b"].calls)
        doors["a"].serve_with(verified=True, client=certificate("os:impersonator"))
        assert await asking is Code.UNAVAILABLE
        assert await answer(channel, VERSION, TO_B) is Code.OK

    run(test, replace(CALM, drain=0.05), a=A, b=B)


def test_another_authority_is_believed_from_the_next_call_on(run: Run) -> None:
    other = issue.authority(Authority(NOW, Algorithm.ED25519))

    async def test(doors: Cluster, channel: Channel) -> None:
        mine = certificate("os:impersonator")
        doors["a"].serve_with(verified=True, client=mine, accepted=(other,))
        while await answer(channel, VERSION, TO_B) is Code.OK:
            pass
        assert await answer(channel, VERSION, TO_B) is Code.UNAVAILABLE
        doors["a"].serve_with(verified=True, client=mine, accepted=(other, CA))
        while await answer(channel, VERSION, TO_B) is not Code.OK:
            pass

    run(test, a=A, b=B)


def test_a_node_that_came_back_is_dialled_by_the_next_call(run: Run) -> None:
    """Nobody has noticed yet that the connection ended."""

    async def test(doors: Cluster, channel: Channel) -> None:
        for _ in range(20):
            assert await answer(channel, VERSION, TO_B) is Code.OK
            for connection in doors.doors["b"].server._crowd.connections:
                connection.drain()
        assert doors.doors["b"].server.connections <= 2

    run(test, a=A, b=B)
