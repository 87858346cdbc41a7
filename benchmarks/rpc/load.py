"""A client under orders: does what each line of standard input says with a peer's client, and prints times as JSON."""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from core.rpc.pb.machine import machine_pb2 as machine


class Client(Protocol):
    """A connection of a peer's client."""

    async def version(self) -> machine.VersionResponse:
        """One unary call."""

    async def read(self, request: machine.ReadRequest) -> int:
        """One streaming call: the bytes that came."""

    async def close(self) -> None:
        """End it."""


Connect = Callable[[str, list[str]], Awaitable[Client]]


async def load(connect: Connect, address: str, files: list[str]) -> None:
    """Obey until there are no more orders."""
    client = await connect(address, files)
    while line := await asyncio.to_thread(sys.stdin.readline):
        what, count, *more = line.split()
        times: list[float] = []
        start = time.perf_counter()
        if what == "unary":
            times = await _timed(int(count), lambda: _call(client))
        elif what == "connect":
            times = await _timed(int(count), lambda: _connect(connect, address, files))
        elif what == "flight":
            await _flight(client, int(count), int(more[0]))
        else:
            await _stream(client, int(count), int(more[0]))
        each = (time.perf_counter() - start) / int(count)
        print(json.dumps({"p50": statistics.median(times or [0]) * 1e6, "each": each * 1e6}), flush=True)
    await client.close()


async def _timed(count: int, work: Callable[[], Awaitable[None]]) -> list[float]:
    times = []
    for _ in range(count):
        start = time.perf_counter()
        await work()
        times.append(time.perf_counter() - start)
    return times


async def _call(client: Client) -> None:
    if len((await client.version()).messages) != 1:
        raise ValueError("not the reply")


async def _connect(connect: Connect, address: str, files: list[str]) -> None:
    client = await connect(address, files)
    await _call(client)
    await client.close()


async def _flight(client: Client, count: int, at_once: int) -> None:
    async def some() -> None:
        for _ in range(count // at_once):
            await _call(client)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(some())


async def _stream(client: Client, count: int, size: int) -> None:
    if await client.read(machine.ReadRequest(path=f"{count}x{size}")) != count * size:
        raise ValueError("not the stream")
