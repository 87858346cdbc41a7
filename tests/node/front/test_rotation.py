"""Certificates and authorities are replaced under a client that calls without pause, on one connection that stays and
on new ones: nobody is ever refused. In the middle the API's authority is exchanged: both are accepted, the new one
issues, the old one is dropped."""

import asyncio
import base64
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec
import pytest
from google.protobuf.empty_pb2 import Empty

from core.base.clock import SystemClock
from core.config import generate
from core.config.schema.secrets import CertificatePair
from core.node.api import access
from core.node.api.state import State
from core.node.controllers.config import machine_type
from core.node.controllers.runtime import Maintenance
from core.node.controllers.secrets import APICertificates, CertSANs, os_root
from core.node.resources.config import MachineConfig
from core.node.resources.network import HostnameStatus, NodeAddress
from core.node.resources.secrets import APICerts
from core.pki import issue
from core.pki.types import Algorithm, Authority, Client, Pair
from core.rpc.client import Channel
from core.rpc.context import Context
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.server import Server
from core.rpc.service import Service, unary
from core.rpc.status import Code, RpcError
from core.rpc.tls import ClientTLS
from tests.node.controllers.house import House
from tests.node.front.doors import opened
from tests.node.trust.house import NOW, OPTIONS, SECRETS, work

OLD, NEW = (issue.authority(Authority(NOW, Algorithm.ED25519, "talos")) for _ in range(2))
VERSION = "/machine.MachineService/Version"
DAY = 24 * 3600


def _config(issuing: Pair, *accepted: Pair) -> MachineConfig:
    pair = CertificatePair(crt=issuing.crt, key=issuing.key)
    certs = msgspec.structs.replace(SECRETS.certs, os=pair)
    text = generate.control_plane(msgspec.structs.replace(SECRETS, certs=certs), OPTIONS)
    lines = b"".join(b"    - crt: " + base64.b64encode(other.crt) + b"\n" for other in accepted)
    more = b"machine:\n  acceptedCAs:\n" + lines if accepted else b"machine:\n"
    return MachineConfig(yaml_marshalled=text.replace(b"machine:\n", more, 1))


class Plane(House):
    """A control plane whose certificates are good for `lifetime` seconds. `certificates` are all it has served with."""

    def __init__(self, lifetime: int) -> None:
        certificates = APICertificates(work, server=lifetime, client=lifetime)
        super().__init__(SystemClock(), [Maintenance(), os_root(), CertSANs(), machine_type(), certificates])
        self._lifetime = lifetime
        self.certificates: dict[bytes, None] = {}
        self.store.subscribe(lambda _: self._look())
        self.put("hostname", HostnameStatus(hostname="cp-1"))
        self.put("accumulative", NodeAddress(addresses=("10.0.0.2/24",)))
        self.put("v1alpha1", _config(OLD))

    @property
    def certs(self) -> APICerts:
        return self.store.get(APICerts.at("api")).spec

    async def renewed(self) -> None:
        """One more certificate: by half its life if that is short, else by an address that comes."""
        count = len(self.certificates)
        if self._lifetime == DAY:
            self.put("accumulative", NodeAddress(addresses=("10.0.0.2/24", f"10.0.1.{count}/24")))
        await self.until(lambda: len(self.certificates) > count)

    async def configured(self, config: MachineConfig, accepted: int) -> None:
        """In force, with a certificate of the authority that issues now."""
        count = len(self.certificates)
        switches = config.yaml_marshalled.count(base64.b64encode(NEW.key)) > 0 and not self._issues_new()
        self.put("v1alpha1", config)
        await self.until(lambda: len(self.certs.accepted_cas) == accepted)
        if switches:
            await self.until(lambda: len(self.certificates) > count)

    def _issues_new(self) -> bool:
        return bool(self.certs.accepted_cas) and self.certs.accepted_cas[-1].crt == NEW.crt

    def _look(self) -> None:
        found = self.store.find(APICerts.at("api"))
        if found is not None:
            self.certificates[found.spec.server.crt] = None


async def _version(ctx: Context, request: Empty) -> pb.VersionResponse:
    return pb.VersionResponse()


@asynccontextmanager
async def _node(folder: Path, lifetime: int) -> AsyncIterator[tuple[Plane, str]]:
    """Its machined and apid, in this process; the front door's address."""
    plane = Plane(lifetime)
    services = [
        Service("machine.MachineService", {"Version": unary(_version, Empty, pb.VersionResponse)}),
        State(plane.store, partial(access.roles, plane.store)).service(),
    ]
    server = Server(services, guard=partial(access.check_call, plane.store))
    async with plane.running():
        await plane.until(lambda: plane.certificates)
        async with opened(folder / "apid.sock", server, socket.create_server(("127.0.0.1", 0))) as (_, address):
            yield plane, address


class Caller:
    """Calls until told to stop; any failure ends the test."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.calls = self.connections = 0
        self.tls = _tls(OLD, OLD)
        self.stop = False
        self._more = asyncio.Event()

    async def on_one(self) -> None:
        """Over one connection, however old."""
        async with Channel(self.address, self.tls) as channel:
            connection = await channel.connection()
            while not self.stop:
                await self._call(channel)
            assert await channel.connection() is connection, "the connection was lost"

    async def on_many(self) -> None:
        """Over a new connection each time, as whoever the client is now."""
        while not self.stop:
            async with Channel(self.address, self.tls) as channel:
                await self._call(channel)
            self.connections += 1
            self._more.set()

    async def _call(self, channel: Channel) -> None:
        await channel.unary(VERSION, Empty(), pb.VersionResponse, timeout=20)
        self.calls += 1
        self._more.set()

    async def reached(self, calls: int, connections: int) -> None:
        """Return when that many more were made."""
        calls, connections = self.calls + calls, self.connections + connections
        while self.calls < calls or self.connections < connections:
            self._more.clear()
            await self._more.wait()


def _tls(own: Pair, *trusted: Pair) -> ClientTLS:
    """A reader with a certificate of `own`, who believes servers of `trusted`."""
    mine = issue.client(Client(NOW, own, ("os:reader",)))
    return ClientTLS(b"".join(authority.crt for authority in trusted), mine.crt, mine.key)


async def _answered(address: str, tls: ClientTLS, *, served: bool = True) -> None:
    """Return once who is so equipped is served, or not served any more: apid learns it a moment after the store."""
    while True:
        async with Channel(address, tls) as channel:
            try:
                await channel.unary(VERSION, Empty(), pb.VersionResponse, timeout=20)
            except RpcError as error:
                assert error.code is Code.UNAVAILABLE
                if not served:
                    return
            else:
                if served:
                    return


@pytest.mark.parametrize(
    ("lifetime", "renewals", "calls"),
    [pytest.param(DAY, 4, 200), pytest.param(6, 20, 10_000, marks=pytest.mark.slow)],
)
def test_nobody_is_refused_while_all_is_replaced(tmp_path: Path, lifetime: int, renewals: int, calls: int) -> None:
    async def rotate(plane: Plane, caller: Caller) -> None:
        some = 5  # connections made in each state
        for _ in range(renewals // 2):
            await plane.renewed()
        await plane.configured(_config(OLD, NEW), 2)
        await _answered(caller.address, _tls(NEW, OLD))  # accepted: clients may take certificates of the new one
        await caller.reached(0, some)
        caller.tls = _tls(OLD, OLD, NEW)
        await caller.reached(0, some)
        await plane.configured(_config(NEW, OLD), 2)
        await _answered(caller.address, _tls(OLD, NEW))  # in use: clients may forget the old one
        await caller.reached(0, some)
        caller.tls = _tls(NEW, NEW)
        await caller.reached(0, some)
        await plane.configured(_config(NEW), 1)
        await _answered(caller.address, _tls(OLD, NEW), served=False)
        await caller.reached(0, some)
        for _ in range(renewals - renewals // 2):
            await plane.renewed()
        await caller.reached(max(0, calls - caller.calls), some)
        caller.stop = True

    async def run() -> None:
        async with _node(tmp_path, lifetime) as (plane, address):
            caller = Caller(address)
            async with asyncio.TaskGroup() as group:
                for work in (caller.on_one(), caller.on_many(), rotate(plane, caller)):
                    group.create_task(work)
            assert caller.calls >= calls
            assert len(plane.certificates) > renewals
            for gone in (_tls(OLD, NEW), _tls(NEW, OLD)):  # of the past: one is not served, the other does not trust
                await _answered(address, gone, served=False)

    asyncio.run(asyncio.wait_for(run(), 300))
