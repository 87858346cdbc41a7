"""The authority of the API is exchanged on nodes that run, a control plane and a worker behind it, while clients call
both through the control plane: on connections that stay and on new ones."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from google.protobuf.empty_pb2 import Empty

from core.config import client
from core.rpc.client import Channel
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.tls import ClientTLS
from tests.support import cluster
from tests.support.cluster import Node

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


async def _rotated(clients: Clients, node: Node, *flags: str) -> None:
    """`rotate-ca` has done it, and clients were answered before, meanwhile and after."""
    calling = [asyncio.create_task(work()) for work in (clients.on_one, clients.on_many, clients.minting)]
    verb = asyncio.create_task(asyncio.to_thread(node.home.ichorctl, "rotate-ca", "--dry-run=false", *flags))
    try:
        await asyncio.wait([verb, *calling], return_when=asyncio.FIRST_COMPLETED)
        assert verb.done(), [caller.exception() for caller in calling if caller.done()]
        print(verb.result().err)
        clients.stop = True
        async with asyncio.TaskGroup() as group:
            for caller in calling:
                group.create_task(_ended(caller))
    finally:
        for caller in calling:
            caller.cancel()
        await asyncio.wait(calling)


async def _ended(task: "asyncio.Task[None]") -> None:
    await task


def test_rotate_ca_refuses_nobody(tmp_path: Path) -> None:
    with cluster.running(tmp_path, "rotate", workers=1) as (plane, worker):
        home = plane.home
        named = ("--control-plane-nodes", plane.address, "--worker-nodes", worker.address, "-o", str(home.client_file))
        plan = home.ichorctl("rotate-ca", *named)
        assert [line.split()[0] for line in plan.out.splitlines()[1:3]] == [plane.address, worker.address]
        assert "nothing was changed" in plan.err
        wrong = home.ichorctl("rotate-ca", "--control-plane-nodes", f"{plane.address},{worker.address}", code=1)
        assert f"{worker.address} is a worker by its own config" in wrong.err
        alone = home.ichorctl("rotate-ca", "--dry-run=false", "--nodes", worker.address, code=1)
        assert f"{plane.name}, which the endpoint" in alone.err
        before = home.tls()
        clients = Clients((plane, worker))
        asyncio.run(_rotated(clients, plane, *named))
        assert clients.calls > 50
        assert home.client_file.stat().st_mode & 0o777 == 0o600
        assert home.ichorctl("version").code == 0
        for node in (plane, worker):
            assert not node.lets_in(before)
            authorities = node.ichorctl("get", "osrootsecrets", "-o", "yaml").out
            assert authorities.count("- crt:") == 1
