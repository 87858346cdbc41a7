"""MachineService.Events over a unix socket."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Final

import grpc.aio
import pytest

from core.codec.xid import Xid
from core.node.api.events import Events
from core.node.events import Bus
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.service import Service, server_stream
from core.rpc.status import Code, RpcError
from ext.ring.ring import Ring
from tests.support.clock import FakeClock, on_loop
from tests.support.wire import served

PATH: Final = "/machine.MachineService/Events"


def make() -> tuple[Bus, Service]:
    bus = Bus(Ring.create("events", 1 << 16), FakeClock())
    handler = server_stream(Events(bus).events, pb.EventsRequest, pb.Event)
    return bus, Service("machine.MachineService", {"Events": handler})


@asynccontextmanager
async def stream(service: Service, request: pb.EventsRequest) -> AsyncIterator[AsyncIterator[pb.Event]]:
    async with (
        served([service]) as (channel, _),
        aclosing(aiter(channel.server_stream(PATH, request, pb.Event))) as events,
    ):
        yield events


@on_loop
async def test_hello_comes_first() -> None:
    bus, service = make()
    bus.publish(pb.TaskEvent(task="old"))
    async with stream(service, pb.EventsRequest(with_actor_id="me")) as events:
        hello = await anext(events)
        assert hello.HasField("data")
        assert (hello.data.type_url, hello.data.value, hello.actor_id) == ("", b"", "me")
        assert Xid.parse(hello.id)
        bus.publish(pb.TaskEvent(task="somebody's"), "you")
        bus.publish(pb.TaskEvent(task="mine"), "me")
        event = await anext(events)
        assert pb.TaskEvent.FromString(event.data.value).task == "mine"
        assert event.id > hello.id


@on_loop
async def test_tail_then_follow() -> None:
    bus, service = make()
    for name in "abc":
        bus.publish(pb.PhaseEvent(phase=name))
    async with stream(service, pb.EventsRequest(tail_events=2)) as events:
        told = [await anext(events) for _ in range(3)]
        bus.publish(pb.RestartEvent(cmd=1))
        told.append(await anext(events))
    assert [e.data.type_url for e in told] == [
        "",
        *["talos/runtime/machine.PhaseEvent"] * 2,
        "talos/runtime/machine.RestartEvent",
    ]


@pytest.mark.parametrize(
    "wrong", [pb.EventsRequest(tail_events=1, tail_seconds=1), pb.EventsRequest(tail_id="nonsense")], ids=["two", "id"]
)
@on_loop
async def test_odd_requests_are_refused(wrong: pb.EventsRequest) -> None:
    _, service = make()
    async with stream(service, wrong) as events:
        with pytest.raises(RpcError) as caught:
            await anext(events)
        assert caught.value.code is Code.INVALID_ARGUMENT


@on_loop
async def test_a_client_that_leaves_is_forgotten() -> None:
    bus, service = make()
    async with served([service]) as (_, path), grpc.aio.insecure_channel(f"unix:{path}") as channel:
        open_ = channel.unary_stream(PATH, pb.EventsRequest.SerializeToString, pb.Event.FromString)
        call = open_(pb.EventsRequest())
        await call.read()
        assert len(bus.followers) == 1
        bus.publish(pb.TaskEvent(task="one"))
        assert pb.TaskEvent.FromString((await call.read()).data.value).task == "one"
        call.cancel()
    assert not bus.followers
