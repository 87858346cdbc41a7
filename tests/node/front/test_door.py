"""The front door before a machined's socket: what a stranger gets in maintenance, and that it ends with the first
config, for calls under way too, even while no new certificate can be issued."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.empty_pb2 import Empty

from core.base.clock import SystemClock
from core.node.api import access
from core.node.api.state import State
from core.node.controllers.runtime import Maintenance
from core.node.front import Door
from core.node.resources.config import AcquireConfigStatus, MachineConfig
from core.node.resources.secrets import APICerts
from core.node.resources.values import Certificate, CertificateAndKey
from core.pki import issue
from core.pki.types import Algorithm, Authority, Client, Pair, Server
from core.rpc import server
from core.rpc.call import Call
from core.rpc.client import Channel
from core.rpc.context import Context
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.service import Service, server_stream, unary
from core.rpc.status import Code, RpcError
from core.rpc.tls import ClientTLS
from tests.node.controllers.house import House
from tests.support.clock import on_loop

NOW = SystemClock().now()
CA = issue.authority(Authority(NOW, Algorithm.ED25519))
VERSION, APPLY, EVENTS = (f"/machine.MachineService/{name}" for name in ("Version", "ApplyConfiguration", "Events"))
STRANGER = ClientTLS(insecure=True)


class Machined:
    """Its store and socket, with three calls that answer."""

    def __init__(self) -> None:
        self.house = House(SystemClock(), [Maintenance()])
        self.applied: list[bytes] = []
        store = self.house.store
        calls = {
            "Version": unary(self.version, Empty, pb.VersionResponse),
            "ApplyConfiguration": unary(self.apply, pb.ApplyConfigurationRequest, pb.ApplyConfigurationResponse),
            "Events": server_stream(self.events, pb.EventsRequest, pb.Event),
        }
        services = [Service("machine.MachineService", calls), State(store, partial(access.roles, store)).service()]
        self.server = server.Server(services, guard=partial(access.check_call, store))

    async def version(self, ctx: Context, request: Empty) -> pb.VersionResponse:
        return pb.VersionResponse()

    async def apply(self, ctx: Context, request: pb.ApplyConfigurationRequest) -> pb.ApplyConfigurationResponse:
        access.check_call(self.house.store, ctx)
        self.applied.append(request.data)
        return pb.ApplyConfigurationResponse()

    async def events(self, ctx: Context, request: pb.EventsRequest) -> AsyncIterator[pb.Event]:
        yield pb.Event()
        await asyncio.Event().wait()

    def serve_with(self, *, verified: bool) -> None:
        """The certificates controller's work."""
        made = issue.server(Server(NOW, CA, "node", addresses=("127.0.0.1",)))
        pair = CertificateAndKey(crt=made.crt, key=made.key)
        accepted = (Certificate(crt=CA.crt),) if verified else ()
        self.house.put("api", APICerts(server=pair, accepted_cas=accepted, skip_verifying_client_cert=not verified))


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[tuple[Machined, str]]:
    """machined and apid; the door's address."""
    machined = Machined()
    own, front = socket.socket(socket.AF_UNIX), socket.create_server(("127.0.0.1", 0))
    own.bind(str(folder / "apid.sock"))
    own.listen()
    with own, front:
        async with machined.house.running(), Channel(folder / "apid.sock") as channel:
            await machined.server.serve(own)
            door = Door(channel, SystemClock())
            serving = asyncio.create_task(door.serve(front))
            try:
                yield machined, f"127.0.0.1:{front.getsockname()[1]}"
            finally:
                serving.cancel()
                await asyncio.wait([serving])
                await door.server.drain(0)
                await machined.server.drain(0)


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
    async with house(tmp_path) as (machined, _), Channel(tmp_path / "apid.sock") as channel:
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
    async with house(tmp_path) as (machined, _), Channel(tmp_path / "apid.sock") as channel:
        assert await _version(channel) is Code.PERMISSION_DENIED
        machined.house.put("config", AcquireConfigStatus())
        assert await _version(channel) is Code.OK


@pytest.mark.parametrize(("roles", "code"), [(("os:reader",), Code.OK), (("os:nothing",), Code.PERMISSION_DENIED)])
@on_loop
async def test_with_a_config_the_certificate_decides(tmp_path: Path, roles: tuple[str, ...], code: Code) -> None:
    mine = issue.client(Client(NOW, Pair(CA.crt, CA.key), roles))
    async with house(tmp_path) as (machined, address):
        machined.house.put("v1alpha1", MachineConfig(yaml_marshalled=b"x"))
        machined.serve_with(verified=True)
        async with Channel(address, ClientTLS(CA.crt, mine.crt, mine.key)) as channel:
            assert await _version(channel) is code
        async with Channel(address, STRANGER) as channel:
            assert await _version(channel) is Code.UNAVAILABLE
