"""The front door before a machined's socket: what a stranger gets in maintenance, and that it ends with the first
config, for calls under way too, even while no new certificate can be issued."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.empty_pb2 import Empty

from core.node.resources.config import AcquireConfigStatus, MachineConfig
from core.rpc.call import Call
from core.rpc.client import Channel
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.status import Code, RpcError
from tests.node.front.doors import APPLY, EVENTS, STRANGER, VERSION, Machined, served, tls
from tests.support.clock import on_loop


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[tuple[Machined, str]]:
    """machined and apid; the door's address."""
    machined = Machined()
    async with served(folder, machined) as (_, address):
        yield machined, address


async def _code(call: Any) -> Code:
    try:
        await call
    except RpcError as error:
        return error.code
    return Code.OK


async def _version(channel: Channel) -> Code:
    return await _code(channel.unary(VERSION, Empty(), pb.VersionResponse))


async def _rest(call: Call[Any, Any]) -> Code:
    return await _code(anext(aiter(call)))


@on_loop
async def test_strangers_are_dismissed_with_the_first_config(tmp_path: Path) -> None:
    async with house(tmp_path) as (machined, address), Channel(address, STRANGER) as channel:
        machined.house.put("config", AcquireConfigStatus())
        machined.serve_with(verified=False)
        assert await _version(channel) is Code.OK
        assert await _code(channel.unary("/machine.MachineService/Reboot", Empty(), Empty)) is Code.PERMISSION_DENIED
        events = channel.server_stream(EVENTS, pb.EventsRequest(), pb.Event)
        await anext(aiter(events))
        late = channel.raw(APPLY)
        await late.send(b"")  # begun, and not said
        machined.house.put("v1alpha1", MachineConfig(yaml_marshalled=b"x"))
        assert await _rest(events) is Code.CANCELLED
        assert await _version(channel) is Code.PERMISSION_DENIED
        await late.aclose()
        for claim in ((), (("talos-role", "os:admin"),)):
            call = channel.unary(APPLY, pb.ApplyConfigurationRequest(data=b"theirs"), Empty, claim)
            assert await _code(call) is Code.PERMISSION_DENIED
        assert b"theirs" not in machined.applied


@on_loop
async def test_what_was_begun_in_maintenance_and_sent_after_it_is_refused(tmp_path: Path) -> None:
    """Straight at machined's socket, past the door's own judgement."""
    async with house(tmp_path) as (machined, _), Channel(tmp_path / "node.sock") as channel:
        machined.house.put("config", AcquireConfigStatus())
        call = channel.raw(APPLY)
        async with call:
            assert not machined.applied
            await call._started()
            assert await _version(channel) is Code.OK  # so the headers have been judged
            machined.house.put("v1alpha1", MachineConfig(yaml_marshalled=b"x"))
            await call.end(pb.ApplyConfigurationRequest(data=b"theirs").SerializeToString())
            assert await _rest(call) is Code.PERMISSION_DENIED
        assert not machined.applied


@on_loop
async def test_before_every_place_was_looked_at_nobody_is_served(tmp_path: Path) -> None:
    async with house(tmp_path) as (machined, _), Channel(tmp_path / "node.sock") as channel:
        assert await _version(channel) is Code.PERMISSION_DENIED
        machined.house.put("config", AcquireConfigStatus())
        assert await _version(channel) is Code.OK


@pytest.mark.parametrize(("roles", "code"), [(("os:reader",), Code.OK), (("os:nothing",), Code.PERMISSION_DENIED)])
@on_loop
async def test_with_a_config_the_certificate_decides(tmp_path: Path, roles: tuple[str, ...], code: Code) -> None:
    async with house(tmp_path) as (machined, address):
        machined.house.put("v1alpha1", MachineConfig(yaml_marshalled=b"x"))
        machined.serve_with(verified=True)
        async with Channel(address, tls(*roles)) as channel:
            assert await _version(channel) is code
        async with Channel(address, STRANGER) as channel:
            assert await _version(channel) is Code.UNAVAILABLE
