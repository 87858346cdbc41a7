"""machined killed: how long until the API answers again, asked over a connection to apid that stays. Each round on a
node that has just booted, as a second death within 30 s is one that waits before its restart."""

import asyncio
import os
import select
import signal
from collections.abc import Iterator

from google.protobuf.empty_pb2 import Empty

from benchmarks.figures import Figure
from benchmarks.node import VERSION, BenchNode, boottime
from benchmarks.run import Run
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.status import RpcError


def figures(run: Run) -> Iterator[Figure]:
    """Of machined, and of apid for comparison: it holds no state."""
    for name, budget, then in (("machined", 300.0, 100.0), ("apid", None, None)):
        times = [recovery(run.node, name) for _ in range(run.rounds(5, 15))]
        yield Figure(f"{name} killed, API answers", "ms", [time * 1e3 for time in times], budget, then)


def recovery(node: BenchNode, name: str) -> float:
    """Seconds from the death to an answer of the successor."""
    node.stop()
    node.start()
    asyncio.run(node.settled())
    return asyncio.run(_kill(node, node.ours()[f"ichor-{name}"]))


async def _kill(node: BenchNode, pid: int) -> float:
    async with node.channel() as channel:
        await channel.unary(VERSION, Empty(), pb.VersionResponse)
        handle = os.pidfd_open(pid)
        killed = boottime()
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        select.select([handle], [], [])  # dead: no answer can be its own
        os.close(handle)
        while True:
            try:
                await channel.unary(VERSION, Empty(), pb.VersionResponse, timeout=1)
            except RpcError:
                if boottime() - killed > 30:
                    raise
                await asyncio.sleep(0.001)
            else:
                return boottime() - killed
