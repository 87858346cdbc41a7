"""Several doors on one network: what a call for another node becomes there, and what comes back. Some nodes are dead (a
cable nobody is at, a port nobody listens on) or hang, and never keep the others from answering."""

import asyncio
import socket
from typing import Any

import pytest
from google.protobuf.empty_pb2 import Empty

from core.node.front.peers import Limits
from core.rpc.client import Channel
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.status import Code, RpcError
from tests.node.front.conftest import DEAD, HUNG, REFUSED, A, B, C, Run
from tests.node.front.doors import EVENTS, HOSTNAME, LOGS, MEMORY, PORT, RECOVER, VERSION, Cluster, answer, tls, until

HASTY = Limits(connect=60, patience=0.2)  # who is dead here is dead at once


def nodes(*names: str) -> list[tuple[str, str]]:
    return [("nodes", name) for name in names]


async def versions(channel: Channel, pairs: list[tuple[str, str]], timeout: float | None = None) -> list[Any]:
    """(who, the tag or the code), as the envelope says."""
    reply = await channel.unary(VERSION, Empty(), pb.VersionResponse, pairs, timeout)
    return [(m.metadata.hostname, m.version.tag or Code(m.metadata.status.code)) for m in reply.messages]


def test_a_call_for_another_node_arrives_as_it_was_made(run: Run) -> None:
    async def test(doors: Cluster, channel: Channel) -> None:
        pairs: list[tuple[str, Any]] = [("node", B), ("context", "home"), ("talos-role", "os:etcd:backup")]
        reply = await channel.unary(VERSION, Empty(), pb.VersionResponse, [*pairs, ("x-bin", b"\0\xff")], 60)
        assert [message.version.tag for message in reply.messages] == ["b"]
        assert not reply.messages[0].HasField("metadata")
        assert not doors["a"].calls
        (call,) = doors["b"].calls
        assert dict(call.metadata) == {
            "context": "home",
            "talos-role": "os:admin",
            "x-bin": b"\0\xff",
            "proxyfrom": f"{A}:{PORT}",
        }
        assert call.deadline is not None
        assert call.deadline <= asyncio.get_running_loop().time() + 60
        with pytest.raises(RpcError) as caught:
            await channel.unary(MEMORY, Empty(), pb.MemoryResponse, [("node", C)])
        assert (caught.value.code, caught.value.message) == (Code.NOT_FOUND, "nothing at c")

    run(test)


def test_roles_are_the_callers_and_are_claimed_by_nobody_else(run: Run) -> None:
    async def test(doors: Cluster, channel: Channel) -> None:
        restart = "/machine.MachineService/Restart"
        claim = [("node", B), ("talos-role", "os:admin")]
        async with Channel(f"{A}:{PORT}", tls("os:reader", "mine")) as reader:
            assert await answer(reader, VERSION, claim) is Code.OK
            assert await answer(reader, restart, claim) is Code.PERMISSION_DENIED
        (call,) = doors["b"].calls
        assert call.metadata.all("talos-role") == ["mine", "os:reader"]
        async with Channel(f"{B}:{PORT}", tls("os:impersonator")) as other:
            assert await answer(other, VERSION, []) is Code.PERMISSION_DENIED
            assert await answer(other, VERSION, [("talos-role", "os:reader")]) is Code.OK
            assert await answer(other, restart, [("talos-role", "os:reader")]) is Code.PERMISSION_DENIED

    run(test)


def test_the_own_name_is_served_here(run: Run) -> None:
    async def test(doors: Cluster, channel: Channel) -> None:
        for name in (A, "a", "A.TEST", "localhost", "127.0.0.1"):
            assert await answer(channel, VERSION, [("node", name)]) is Code.OK
        assert len(doors["a"].calls) == 5
        assert "proxyfrom" not in dict(doors["a"].calls[0].metadata)
        assert await versions(channel, nodes("a", "localhost")) == [("a", "a"), ("localhost", "a")]

    run(test)


def test_who_was_forwarded_to_answers_itself(run: Run) -> None:
    async def test(doors: Cluster, channel: Channel) -> None:
        assert await answer(channel, VERSION, [("node", B), ("proxyfrom", "x")]) is Code.OK
        assert len(doors["a"].calls) == 1
        assert not doors["b"].calls

    run(test)


def test_a_worker_forwards_nothing(run: Run) -> None:
    async def test(doors: Cluster, channel: Channel) -> None:
        assert await answer(channel, VERSION, [("node", "w")]) is Code.OK
        assert await answer(channel, VERSION, nodes("w")) is Code.OK
        for pairs in ([("node", B)], nodes("w", B)):
            with pytest.raises(RpcError, match=r"^no request forwarding$"):
                await versions(channel, pairs)
        assert not doors["b"].calls

    run(test, w=A, b=B)


def test_several_nodes_answer_in_one_reply(run: Run) -> None:
    async def test(doors: Cluster, channel: Channel) -> None:
        assert await versions(channel, nodes(C, A, B)) == [(C, "c"), (A, "a"), (B, "b")]
        assert {call.metadata.get("proxyfrom") for node in "abc" for call in doors[node].calls} == {f"{A}:{PORT}"}
        assert await answer(channel, "/cosi.resource.State/Get", nodes(B)) is Code.INVALID_ARGUMENT
        assert await answer(channel, VERSION, nodes(B, "")) is Code.INTERNAL
        failed = await channel.unary(MEMORY, Empty(), pb.MemoryResponse, nodes(B, A))
        assert [m.metadata.error for m in failed.messages] == ["nothing at b", "nothing at a"]

    run(test)


def test_the_dead_do_not_keep_the_others_from_answering(run: Run) -> None:
    """Without a deadline; nobody has to wait for the hundred seconds that the kernel would."""

    async def test(doors: Cluster, channel: Channel) -> None:
        assert await answer(channel, VERSION, [("node", B)]) is Code.OK  # it is connected, so that it has all the time
        with socket.create_server((HUNG, PORT)):
            for _ in range(2):
                answers = dict(await versions(channel, nodes(DEAD, B, HUNG, REFUSED, "nowhere.invalid")))
                assert answers.pop(B) == "b"
                assert answers == dict.fromkeys((DEAD, HUNG, REFUSED, "nowhere.invalid"), Code.UNAVAILABLE)

    run(test, HASTY)


def test_the_slow_end_before_the_callers_deadline(run: Run) -> None:
    async def test(doors: Cluster, channel: Channel) -> None:
        doors["c"].running.clear()
        assert await versions(channel, nodes(B, C), timeout=6) == [(B, "b"), (C, Code.DEADLINE_EXCEEDED)]
        assert doors["c"].cancelled == ["Version"]

    run(test)


def test_who_never_answers_keeps_nobody_without_a_deadline(run: Run) -> None:
    async def test(doors: Cluster, channel: Channel) -> None:
        assert await versions(channel, nodes(B, C)) == [(B, "b"), (C, "c")]  # both are connected
        doors["c"].running.clear()
        assert await versions(channel, nodes(B, C)) == [(B, "b"), (C, Code.DEADLINE_EXCEEDED)]
        await until(lambda: doors["c"].cancelled == ["Version"])
        await channel.client_stream(RECOVER, [], pb.EtcdRecoverResponse, nodes(B))
        asked, told = doors["b"].calls[-2:]
        assert asked.deadline is not None
        assert told.deadline is not None
        assert told.deadline > asked.deadline + 1000  # what changes a node may take its time

    run(test, Limits(connect=60, patience=60, question=2))


def test_streams_flow_side_by_side(run: Run) -> None:
    async def test(doors: Cluster, channel: Channel) -> None:
        await versions(channel, nodes(B, C))
        call = channel.server_stream(EVENTS, pb.EventsRequest(), pb.Event, nodes(DEAD, A, B, C))
        async with call:
            first = [await anext(call) for _ in range(4)]
            assert {(e.metadata.hostname, e.id) for e in first} == {(DEAD, ""), (A, "a"), (B, "b"), (C, "c")}
            for name, address in (("c", C), ("a", A), ("c", C)):
                doors[name].more.set()
                event = await anext(call)
                assert (event.metadata.hostname, event.id) == (address, f"{name} again")
        await until(lambda: all(doors[name].cancelled == ["Events"] for name in "abc"))

    run(test, HASTY)


def test_a_stream_that_fails_ends_with_its_failure(run: Run) -> None:
    async def test(doors: Cluster, channel: Channel) -> None:
        call = channel.server_stream(EVENTS, pb.EventsRequest(tail_events=1), pb.Event, nodes(B, C))
        seen = [(e.metadata.hostname, e.id, e.metadata.status.code) async for e in call]
        for address, name in ((B, "b"), (C, "c")):
            assert [one[1:] for one in seen if one[0] == address] == [(name, 0), ("", Code.NOT_FOUND)]

    run(test)


@pytest.mark.parametrize("pairs", [[("node", B)], nodes(B, C)])
def test_who_reads_slowly_holds_up_who_writes(run: Run, pairs: list[tuple[str, str]]) -> None:
    async def test(doors: Cluster, channel: Channel) -> None:
        wanted = 400  # 25 MiB, of which a stream's windows on the way hold 7
        call = channel.server_stream(LOGS, pb.LogsRequest(tail_lines=wanted), common_pb2.Data, pairs)
        async with call:
            await anext(call)
            for _ in range(50):  # others pass meanwhile, on the same connections
                assert await answer(channel, VERSION, [("node", B)]) is Code.OK
            assert doors["b"].produced < wanted / 2
            count = 1 + sum([1 async for _ in call])
        assert count == wanted * (2 if len(pairs) == 2 else 1)

    run(test)


@pytest.mark.parametrize("pairs", [[("node", B)], nodes(B), [("node", A)]])
def test_an_upload_reaches_one_node(run: Run, pairs: list[tuple[str, str]]) -> None:
    async def test(doors: Cluster, channel: Channel) -> None:
        pieces = [common_pb2.Data(bytes=bytes(1 << 16))] * 100
        await channel.client_stream(RECOVER, pieces, pb.EtcdRecoverResponse, pairs)
        assert doors["a" if pairs[0][1] == A else "b"].produced == 100 << 16
        with pytest.raises(RpcError) as caught:
            await channel.client_stream(RECOVER, pieces, pb.EtcdRecoverResponse, nodes(B, C))
        assert caught.value.code is Code.INVALID_ARGUMENT

    run(test)


@pytest.mark.parametrize("pairs", [[("node", B)], nodes(B, C)])
def test_giving_up_is_passed_on(run: Run, pairs: list[tuple[str, str]]) -> None:
    async def test(doors: Cluster, channel: Channel) -> None:
        asking = asyncio.create_task(answer(channel, HOSTNAME, pairs))
        await until(lambda: doors["b"].calls)
        asking.cancel()
        await until(lambda: doors["b"].cancelled == ["Hostname"])
        if len(pairs) == 1:
            assert await answer(channel, HOSTNAME, pairs, timeout=0.05) is Code.DEADLINE_EXCEEDED
            await until(lambda: doors["b"].cancelled == ["Hostname", "Hostname"])

    run(test)
