"""What our processes hold: their proportional set size after a load of calls and a `get` of every type, and of it what
each holds alone (the rest is shared with its siblings). MB are 10^6 bytes."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
from google.protobuf.empty_pb2 import Empty

from benchmarks.figures import Figure
from benchmarks.node import VERSION, BenchNode
from benchmarks.run import Run
from core.cli.kinds import Definition
from core.codec import yaml
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.pb.v1alpha1 import state_pb2 as state
from core.rpc.status import Code, RpcError

CALLS, LONG_CALLS = 2000, 10_000
LONG_SECONDS: Final = 600
LIST: Final = "/cosi.resource.State/List"
KINDS: Final = ("meta", "ResourceDefinitions.meta.cosi.dev")


def figures(run: Run) -> Iterator[Figure]:
    """The sum, then each process's proportional and private shares."""
    node = run.node
    node.stop()
    node.start()
    asyncio.run(node.settled())
    before = usage(node)
    kinds = asyncio.run(load(node, LONG_CALLS if run.long else CALLS))
    if run.long:
        time.sleep(LONG_SECONDS)
    after = usage(node)
    yield Figure(f"memory after calls, {kinds} types", "MB PSS", [sum(u["Pss"] for u in after.values())], 80, 60)
    yield Figure("- before them", "MB PSS", [sum(u["Pss"] for u in before.values())])
    for name, used in after.items():
        yield Figure(f"- {name}", "MB PSS", [used["Pss"]])
        yield Figure(f"- {name}, its own", "MB", [used["Private"]])


def usage(node: BenchNode) -> dict[str, dict[str, float]]:
    """Pss and Private of each process of ours in MB, from smaps_rollup (proc_pid_smaps_rollup(5))."""
    return {name: _usage(pid) for name, pid in node.ours().items()}


def _usage(pid: int) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        key, size = line.split()[:2]
        found["Private" if key.startswith("Private_") else key.rstrip(":")] += int(size) * 1024 / 1e6
    return found


async def load(node: BenchNode, calls: int) -> int:
    """So many calls and one list of each type; how many types."""
    async with node.channel() as channel:
        for _ in range(calls):
            await channel.unary(VERSION, Empty(), pb.VersionResponse)
        namespace, kind = KINDS
        every = state.ListRequest(namespace=namespace, type=kind)
        kinds = [answer.resource async for answer in channel.server_stream(LIST, every, state.ListResponse)]
        for definition in kinds:
            spec = msgspec.convert(yaml.load(definition.spec.yaml_spec.encode()), Definition)
            request = state.ListRequest(namespace=spec.default_namespace, type=spec.type)
            try:
                async for _ in channel.server_stream(LIST, request, state.ListResponse):
                    pass
            except RpcError as error:
                if error.code is not Code.PERMISSION_DENIED:
                    raise
    return len(kinds)
