"""The two nodes of the suite, what is asked of them, and the messages that they answer with: what the peer's back
processes say too."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from benchmarks.node import STATUS, VERSION, BenchNode
from core.base.errors import NotReady
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.pb.v1alpha1 import state_pb2 as state

LOG: Final = 65536
LOOKS: Final = 500  # at a log that grows, one each 10 ms
# by the names that tests/support/go/rpc/ask.go has for them
QUESTIONS: Final[Mapping[str, tuple[str, Message]]] = {
    "version": (VERSION, Empty()),
    "services": ("/machine.MachineService/ServiceList", Empty()),
    "get": ("/cosi.resource.State/Get", state.GetRequest(namespace="runtime", type=STATUS, id="machine")),
    "log": ("/machine.MachineService/Logs", pb.LogsRequest(id="apid", tail_lines=-1)),
}


async def fill(node: BenchNode) -> None:
    """Let apid's log be LOG bytes, by writing lines to the pipe that its output goes to."""
    there = len(await node.log("apid"))
    lines = (b"x" * 127 + b"\n") * (LOG // 128)
    output = Path(f"/proc/{node.ours()['ichor-apid']}/fd/1")
    await asyncio.to_thread(output.write_bytes, lines[there:])
    for _ in range(LOOKS):
        if len(await node.log("apid")) >= LOG:
            return
        await asyncio.sleep(0.01)
    raise NotReady("what was written to apid's output is not in its log")


async def record(node: BenchNode, folder: Path) -> None:
    """Write the messages that answer each question: NAME.0, NAME.1 and so on."""
    async with node.channel() as channel:
        for name, (path, request) in QUESTIONS.items():
            async with channel.raw(path) as call:
                await call.end(request.SerializeToString())
                for number, message in enumerate([message async for message in call]):
                    (folder / f"{name}.{number}").write_bytes(message)
