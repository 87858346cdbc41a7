"""A Version call to a node over mTLS: apid, then machined. One call at a time over one connection, and a connection
with its handshake for each call."""

import asyncio
import time
from collections.abc import Iterator
from typing import Final

from google.protobuf.empty_pb2 import Empty

from benchmarks.figures import Figure
from benchmarks.node import VERSION, BenchNode
from benchmarks.run import Run
from core.rpc.pb.machine import machine_pb2 as pb

CALLS: Final = 2000
HANDSHAKES: Final = 50


def figures(run: Run) -> Iterator[Figure]:
    """Percentiles of each round."""
    rounds = [sorted(asyncio.run(calls(run.node))) for _ in range(run.rounds(3, 10))]
    for percent in (50, 99):
        yield Figure(f"Version over mTLS, p{percent}", "us", [times[CALLS * percent // 100] * 1e6 for times in rounds])
    yield Figure("Version with its handshake", "ms", [t * 1e3 for t in asyncio.run(handshakes(run.node))])


async def calls(node: BenchNode) -> list[float]:
    """Seconds of each call."""
    times = []
    async with node.channel() as channel:
        await channel.unary(VERSION, Empty(), pb.VersionResponse)
        for _ in range(CALLS):
            start = time.perf_counter()
            await channel.unary(VERSION, Empty(), pb.VersionResponse)
            times.append(time.perf_counter() - start)
    return times


async def handshakes(node: BenchNode) -> list[float]:
    """Seconds of each connection with its one call."""
    times = []
    for _ in range(HANDSHAKES):
        start = time.perf_counter()
        async with node.channel() as channel:
            await channel.unary(VERSION, Empty(), pb.VersionResponse)
            times.append(time.perf_counter() - start)
    return times
