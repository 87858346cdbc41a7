"""The authority of the API is exchanged on nodes that run, a control plane and a worker behind it, while clients call
both through the control plane: on connections that stay and on new ones."""

import asyncio
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.empty_pb2 import Empty

from core.config import client
from core.rpc.client import Channel
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.tls import ClientTLS
from tests.support import cluster
from tests.support.cluster import Home, Node
from tests.support.results import Record

VERSION = "/machine.MachineService/Version"
GENERATE = "/machine.MachineService/GenerateClientConfiguration"


def _tls(context: client.Context) -> ClientTLS:
    return ClientTLS(context.ca, context.crt, context.key)


class Clients:
    """Who calls every node through the first one's door. New connections are made with what the client config says at
    that moment, as a person's next command is."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._door, self._nodes = nodes[0], nodes
        self.calls = self.connections = 0
        self.stop = False
        self._more = asyncio.Event()

    async def reached(self, calls: int) -> None:
        """Return when so many were made in all."""
        while self.calls < calls:
            self._more.clear()
            await self._more.wait()

    async def on_one(self) -> None:
        """Over one connection, however old."""
        async with self._door.channel() as channel:
            connection = await channel.connection()
            while not self.stop:
                await self._call(channel)
            assert await channel.connection() is connection, "the connection was lost"

    async def on_many(self) -> None:
        """Over a new connection each time."""
        while not self.stop:
            async with self._door.channel() as channel:
                await self._call(channel)
            self.connections += 1

    async def minting(self) -> None:
        """As whom a config that is made at that moment says."""
        while not self.stop:
            async with self._door.channel() as channel:
                request = pb.GenerateClientConfigurationRequest(roles=["os:reader"])
                reply = await channel.unary(GENERATE, request, pb.GenerateClientConfigurationResponse, timeout=30)
            made = client.load(reply.messages[0].talosconfig).get()
            async with self._door.channel(_tls(made)) as channel:
                await self._call(channel)
            self.connections += 2

    async def _call(self, channel: Channel) -> None:
        for node in self._nodes:
            await channel.unary(VERSION, Empty(), pb.VersionResponse, [("node", node.address)], timeout=30)
            self.calls += 1
            self._more.set()


async def _while_called(clients: Clients, work: Coroutine[Any, Any, None]) -> None:
    """The work is done, and clients were answered before, meanwhile and after: one that fails fails this."""
    calling = [asyncio.create_task(one()) for one in (clients.on_one, clients.on_many, clients.minting)]
    working = asyncio.create_task(work)
    try:
        await asyncio.wait([working, *calling], return_when=asyncio.FIRST_COMPLETED)
        for caller in calling:
            assert not caller.done(), caller.exception()
        await working
        clients.stop = True
        await asyncio.gather(*calling)
    finally:
        for task in (working, *calling):
            task.cancel()
        await asyncio.wait([working, *calling])


def _named(plane: Node, worker: Node) -> tuple[str, ...]:
    return "--control-plane-nodes", plane.address, "--worker-nodes", worker.address, "-o", str(plane.home.client_file)


def _past(home: Home, before: ClientTLS, nodes: Sequence[Node]) -> None:
    """The old authority is nobody's any more, and this machine can start the cluster again."""
    name = nodes[0].cluster.spec.name
    assert client.load((home.places.cluster(name) / "client.yaml").read_bytes()).get(name) == home.context(name)
    assert home.client_file.stat().st_mode & 0o777 == 0o600
    assert home.ichorctl("version").code == 0
    for node in nodes:
        assert not node.lets_in(before)
        assert node.ichorctl("get", "osrootsecrets", "-o", "yaml").out.count("- crt:") == 1


def test_rotate_ca_refuses_nobody(tmp_path: Path) -> None:
    with cluster.running(tmp_path, "rotate", workers=1) as (plane, worker):
        home, named = plane.home, _named(plane, worker)
        plan = home.ichorctl("rotate-ca", *named)
        assert [line.split()[0] for line in plan.out.splitlines()[1:3]] == [plane.address, worker.address]
        assert "nothing was changed" in plan.err
        wrong = home.ichorctl("rotate-ca", "--control-plane-nodes", f"{plane.address},{worker.address}", code=1)
        assert f"{worker.address} is a worker by its own config" in wrong.err
        alone = home.ichorctl("rotate-ca", "--dry-run=false", "--nodes", worker.address, code=1)
        assert f"{plane.name}, which the endpoint" in alone.err
        before, clients = home.tls(), Clients((plane, worker))

        async def work() -> None:
            await asyncio.to_thread(home.ichorctl, "rotate-ca", "--dry-run=false", *named)

        asyncio.run(_while_called(clients, work()))
        assert clients.calls > 20
        _past(home, before, (plane, worker))


RENEWALS, CALLS = 20, 10_000


def _renewals(node: Node) -> int:
    """How many server certificates it got after the first."""
    return node.ichorctl("logs", "machined").out.count("API certificate issued") - 1


@pytest.mark.slow
def test_nobody_is_refused_while_certificates_are_short_lived(tmp_path: Path, record_result: Record) -> None:
    with cluster.running(tmp_path, "short", workers=1, cmdline="ichor.certificate.lifetime=12s") as (plane, worker):
        nodes, home = (plane, worker), plane.home
        before, clients = home.tls(), Clients(nodes)

        async def renewed(times: int) -> None:
            for node in nodes:
                while await asyncio.to_thread(_renewals, node) < times:  # noqa: ASYNC110  # is on another machine
                    await asyncio.sleep(0.5)

        async def work() -> None:
            await renewed(RENEWALS // 2)
            await asyncio.to_thread(home.ichorctl, "rotate-ca", "--dry-run=false", *_named(plane, worker))
            await renewed(RENEWALS)
            await clients.reached(CALLS)

        asyncio.run(_while_called(clients, work()))
        _past(home, before, nodes)
        record_result("calls without a failure", clients.calls)
        record_result("new connections", clients.connections)
        for node, kind in zip(nodes, ("control plane", "worker"), strict=True):
            record_result(f"renewals of the {kind}", _renewals(node))
