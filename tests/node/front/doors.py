"""Doors before stand-ins for machined: real sockets, certificates, store and controllers, and calls of every kind."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from google.protobuf.empty_pb2 import Empty

from core.base.clock import SystemClock
from core.base.errors import NotFound
from core.node.api import access
from core.node.api.state import State
from core.node.controllers.runtime import Maintenance
from core.node.front import Door
from core.node.front.peers import Limits
from core.node.resources.config import AcquireConfigStatus, MachineConfig
from core.node.resources.network import HostnameStatus, NodeAddress
from core.node.resources.secrets import APICerts
from core.node.resources.values import Certificate, CertificateAndKey
from core.pki import issue
from core.pki.types import Algorithm, Authority, Client, Issued, Pair, Server
from core.rpc import server
from core.rpc.client import Channel
from core.rpc.context import Context
from core.rpc.metadata import Pairs
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.service import Service, client_stream, server_stream, unary
from core.rpc.status import Code, RpcError
from core.rpc.tls import ClientTLS
from tests.node.controllers.house import House

NOW = SystemClock().now()
CA = issue.authority(Authority(NOW, Algorithm.ED25519, "talos"))  # curl wants issuers to have names
PORT = 50000
VERSION, HOSTNAME, MEMORY, RECOVER, APPLY, EVENTS, LOGS = (
    f"/machine.MachineService/{name}"
    for name in ("Version", "Hostname", "Memory", "EtcdRecover", "ApplyConfiguration", "Events", "Logs")
)
STRANGER = ClientTLS(insecure=True)


def certificate(*roles: str, ca: Pair = CA) -> Issued:
    """A client's, with its key."""
    return issue.client(Client(NOW, ca, roles, "somebody"))


def tls(*roles: str) -> ClientTLS:
    """Who has these roles."""
    mine = certificate(*roles)
    return ClientTLS(CA.crt, mine.crt, mine.key)


class Machined:
    """A node's store and socket; `calls` are the contexts of what it was asked, `cancelled` what was given up. Without
    `answers` it has only its resources to tell of."""

    def __init__(self, name: str = "node", address: str = "127.0.0.1", *, answers: bool = True) -> None:
        self.name, self.address = name, address
        self.house = House(SystemClock(), [Maintenance()])
        self.applied: list[bytes] = []
        self.calls: list[Context] = []
        self.cancelled: list[str] = []
        self.produced = 0
        self.more = asyncio.Event()
        self.running = asyncio.Event()  # cleared: Version is not answered
        self.running.set()
        store = self.house.store
        calls = {
            "Version": unary(self.version, Empty, pb.VersionResponse),
            "Hostname": unary(self.never, Empty, pb.HostnameResponse),
            "Memory": unary(self.fail, Empty, pb.MemoryResponse),
            "ApplyConfiguration": unary(self.apply, pb.ApplyConfigurationRequest, pb.ApplyConfigurationResponse),
            "EtcdRecover": client_stream(self.recover, common_pb2.Data, pb.EtcdRecoverResponse),
            "Events": server_stream(self.events, pb.EventsRequest, pb.Event),
            "Logs": server_stream(self.logs, pb.LogsRequest, common_pb2.Data),
        }
        services = [
            Service("machine.MachineService", calls if answers else {}),
            State(store, partial(access.roles, store)).service(),
            *self.others(),
        ]
        self.server = server.Server(services, guard=self.guard)

    def others(self) -> list[Service]:
        """What a test adds."""
        return []

    def guard(self, ctx: Context) -> None:
        if ctx.method.startswith("/machine."):
            self.calls.append(ctx)
        access.check_call(self.house.store, ctx)

    async def version(self, ctx: Context, request: Empty) -> pb.VersionResponse:
        await self._when(self.running, "Version")
        return pb.VersionResponse(messages=[pb.Version(version=pb.VersionInfo(tag=self.name))])

    async def never(self, ctx: Context, request: Empty) -> pb.HostnameResponse:
        await self._when(asyncio.Event(), "Hostname")
        raise AssertionError

    async def fail(self, ctx: Context, request: Empty) -> pb.MemoryResponse:
        raise NotFound(f"nothing at {self.name}")

    async def apply(self, ctx: Context, request: pb.ApplyConfigurationRequest) -> pb.ApplyConfigurationResponse:
        access.check_call(self.house.store, ctx)
        self.applied.append(request.data)
        return pb.ApplyConfigurationResponse()

    async def recover(self, ctx: Context, requests: AsyncIterator[common_pb2.Data]) -> pb.EtcdRecoverResponse:
        self.produced = sum([len(request.bytes) async for request in requests])
        return pb.EtcdRecoverResponse(messages=[pb.EtcdRecover()])

    async def events(self, ctx: Context, request: pb.EventsRequest) -> AsyncIterator[pb.Event]:
        """One; another whenever `more` is set; a failure for who asks for more than there are."""
        yield pb.Event(id=self.name)
        if request.tail_events:
            raise NotFound("no more")
        try:
            while True:
                await self.more.wait()
                self.more.clear()
                yield pb.Event(id=f"{self.name} again")
        except asyncio.CancelledError:
            self.cancelled.append("Events")
            raise

    async def logs(self, ctx: Context, request: pb.LogsRequest) -> AsyncIterator[common_pb2.Data]:
        """`tail_lines` pieces of 64 KiB."""
        for _ in range(request.tail_lines):
            self.produced += 1
            yield common_pb2.Data(bytes=bytes(1 << 16))

    async def _when(self, event: asyncio.Event, name: str) -> None:
        try:
            await event.wait()
        except asyncio.CancelledError:
            self.cancelled.append(name)
            raise

    def serve_with(self, *, verified: bool, client: Issued | None = None, accepted: tuple[Pair, ...] = (CA,)) -> None:
        """The certificates controller's work; `client` is what it shows other nodes."""
        made = issue.server(Server(NOW, CA, self.name, names=(self.name,), addresses=(self.address,)))
        shown = None if client is None else CertificateAndKey(crt=client.crt, key=client.key)
        self.house.put(
            "api",
            APICerts(
                server=CertificateAndKey(crt=made.crt, key=made.key),
                client=shown,
                accepted_cas=tuple(Certificate(crt=ca.crt) for ca in accepted) if verified else (),
                skip_verifying_client_cert=not verified,
            ),
        )

    def join(self, *, forwards: bool = True) -> None:
        """What the other controllers know of a node with a config."""
        self.house.put("config", AcquireConfigStatus())
        self.house.put("v1alpha1", MachineConfig(yaml_marshalled=b"x"))
        self.house.put("current", NodeAddress(addresses=(f"{self.address}/24",)))
        self.house.put("hostname", HostnameStatus(hostname=self.name, domainname="test"))
        self.serve_with(verified=True, client=certificate("os:impersonator") if forwards else None)


@asynccontextmanager
async def opened(
    path: Path, machined: server.Server, front: socket.socket, limits: Limits | None = None
) -> AsyncIterator[tuple[Door, str]]:
    """machined's socket at `path`, served by `machined`, and a door before it: that, and where it is."""
    own = socket.socket(socket.AF_UNIX)
    own.bind(str(path))
    own.listen()
    with own, front:
        async with Channel(path) as channel:
            await machined.serve(own)
            door = Door(channel, SystemClock(), limits)
            serving = asyncio.create_task(door.serve(front))
            host, port = front.getsockname()[:2]
            try:
                yield door, f"{host}:{port}"
            finally:
                serving.cancel()
                await asyncio.wait([serving])
                await door.server.drain(0)
                await machined.drain(0)


@asynccontextmanager
async def served(
    folder: Path, machined: Machined, port: int = 0, limits: Limits | None = None
) -> AsyncIterator[tuple[Door, str]]:
    """Its door, and where that is."""
    family = socket.AF_INET6 if ":" in machined.address else socket.AF_INET
    front = socket.create_server((machined.address, port), family=family)
    path = folder / f"{machined.name}.sock"
    async with machined.house.running(), opened(path, machined.server, front, limits) as found:
        yield found


class Cluster:
    """Nodes by name, each with its door at an address of its own."""

    def __init__(self) -> None:
        self.nodes: dict[str, Machined] = {}
        self.doors: dict[str, Door] = {}

    def __getitem__(self, name: str) -> Machined:
        return self.nodes[name]


@asynccontextmanager
async def cluster(folder: Path, limits: Limits | None = None, **addresses: str) -> AsyncIterator[Cluster]:
    """Control planes; those named w... are workers."""
    made = Cluster()
    async with AsyncExitStack() as stack:
        for name, address in addresses.items():
            node = made.nodes[name] = Machined(name, address)
            made.doors[name], _ = await stack.enter_async_context(served(folder, node, PORT, limits))
            node.join(forwards=not name.startswith("w"))
        yield made


async def answer(channel: Channel, path: str, pairs: Pairs = (), timeout: float | None = None) -> Code:
    """What a unary call ends with."""
    try:
        await channel.unary(path, Empty(), Empty, pairs, timeout)
    except RpcError as error:
        return error.code
    return Code.OK


async def until(holds: Callable[[], object]) -> None:
    """Come back when it holds."""
    while not holds():  # noqa: ASYNC110  # many small facts in several tasks, none of which has an event
        await asyncio.sleep(0.001)
