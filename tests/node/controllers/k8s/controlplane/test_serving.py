"""The list of static pods over HTTP, asked as a kubelet asks: again and again on one connection."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from core.node.controllers.k8s.controlplane import serving
from core.node.controllers.k8s.controlplane.serving import StaticPodServer, listener
from core.node.resources.k8s import StaticPod, StaticPodServerStatus
from tests.node.controllers.house import House
from tests.support.clock import FakeClock, on_loop
from tests.support.fdtable import FdTable

GET = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n\r\n"


@pytest.fixture
def table() -> Iterator[FdTable]:
    table = FdTable()
    yield table
    table.close()


class Node(House):
    """The server alone, and whether it has been told that the node is at rest."""

    def __init__(self, table: FdTable) -> None:
        self.rested = asyncio.Event()
        self.socket = listener(table)
        super().__init__(FakeClock(), [StaticPodServer(self.socket, self._rest)])

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with super().running():
            await self.until(lambda: self.all(StaticPodServerStatus))
            yield
        self.socket.close()

    def pod(self, name: str) -> None:
        self.put(name, StaticPod(pod={"kind": "Pod", "metadata": {"name": name}}))

    async def _rest(self) -> None:
        await self.rested.wait()


class Kubelet:
    """A connection to it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def dial(cls, node: Node) -> "Kubelet":
        return cls(*await asyncio.open_connection(*node.socket.getsockname()))

    async def ask(self) -> list[str]:
        """The names of the pods in the answer."""
        self.writer.write(GET)
        head = await self.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
        answer: dict[str, Any] = json.loads(await self.reader.readexactly(length))
        assert (answer["kind"], answer["apiVersion"]) == ("PodList", "v1")
        return [item["metadata"]["name"] for item in answer["items"]]

    async def rest(self) -> bytes:
        return await self.reader.read()

    def hang_up(self) -> None:
        self.writer.close()


@on_loop
async def test_a_change_arrives_at_once_and_nothing_new_is_waited_for(table: FdTable) -> None:
    node = Node(table)
    async with node.running():
        node.rested.set()
        kubelet = await Kubelet.dial(node)
        assert await kubelet.ask() == []
        asked = asyncio.create_task(kubelet.ask())
        await asyncio.wait([asked], timeout=0.05)
        assert not asked.done()
        node.pod("b")
        assert await asked == ["b"]
        node.pod("a")
        assert await kubelet.ask() == ["a", "b"]
        other = await Kubelet.dial(node)  # a kubelet that was started anew
        assert await other.ask() == ["a", "b"]
        node.drop(StaticPod.at("a"))
        assert await other.ask() == ["b"]
        kubelet.hang_up()
        other.hang_up()


@on_loop
async def test_the_same_is_said_again_after_a_while(table: FdTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "HOLD", 0.01)
    node = Node(table)
    async with node.running():
        node.rested.set()
        kubelet = await Kubelet.dial(node)
        assert [await kubelet.ask() for _ in range(3)] == [[], [], []]
        kubelet.hang_up()


@on_loop
async def test_nobody_is_answered_before_machined_knows(table: FdTable) -> None:
    node = Node(table)
    async with node.running():
        kubelet = await Kubelet.dial(node)
        asked = asyncio.create_task(kubelet.ask())
        node.pod("a")
        await asyncio.wait([asked], timeout=0.05)
        assert not asked.done()
        node.rested.set()
        assert await asked == ["a"]
        kubelet.hang_up()


@on_loop
async def test_the_next_machined_has_the_same_port_and_callers_wait_for_it(table: FdTable) -> None:
    first = Node(table)
    async with first.running():
        url = first.one(StaticPodServerStatus, "static-pod-server-status")
    between = socket.create_connection(first_address := table_address(table))
    between.sendall(GET)
    second = Node(table)
    assert second.socket.getsockname() == first_address
    async with second.running():
        assert second.one(StaticPodServerStatus, "static-pod-server-status") == url
        second.pod("a")
        second.rested.set()
        between.setblocking(False)
        assert b'"name":"a"' in await asyncio.get_running_loop().sock_recv(between, 4096)
    between.close()


def table_address(table: FdTable) -> tuple[str, int]:
    with listener(table) as sock:
        address: tuple[str, int] = sock.getsockname()
    assert address[0] == "127.0.0.1"
    return address


@pytest.mark.parametrize(
    "said",
    [
        b"GET /pods HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
        b"\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_anything_else_is_refused(table: FdTable, said: bytes) -> None:
    @on_loop
    async def test() -> None:
        node = Node(table)
        async with node.running():
            node.rested.set()
            visitor = await Kubelet.dial(node)
            visitor.writer.write(said)
            assert (await visitor.rest()).startswith(b"HTTP/1.1 404 ")
            visitor.hang_up()

    test()


@on_loop
async def test_who_says_too_much_or_comes_too_often_is_hung_up_on(table: FdTable) -> None:
    node = Node(table)
    async with node.running():
        node.rested.set()
        noisy = await Kubelet.dial(node)
        noisy.writer.write(b"GET / HTTP/1.1\r\n" + b"a" * 4 * serving.HEAD)
        assert await gone(noisy)
        crowd = [await Kubelet.dial(node) for _ in range(serving.VISITORS)]
        for each in crowd:
            await each.ask()
        assert await gone(await Kubelet.dial(node))
        for each in crowd:
            each.hang_up()


async def gone(visitor: Kubelet) -> bool:
    try:
        return not await visitor.rest()
    except ConnectionError:
        return True
    finally:
        visitor.hang_up()
