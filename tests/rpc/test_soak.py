"""A server in a process of its own under mixed load for ten minutes: good clients beside bad ones, over mTLS and a unix
socket. Every good call is answered rightly, memory stays flat, and at the end the server holds what it did at first."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

import pytest
import uvloop
from google.protobuf.wrappers_pb2 import BytesValue

from core.rpc.client import Channel
from core.rpc.tls import ClientTLS
from tests.rpc import pki
from tests.rpc.pki import SERVER, authority
from tests.rpc.raw import ssl_context
from tests.rpc.soak import bad, good
from tests.support.results import Record

SECONDS: Final = 600
CLIENTS: Final = 8
PEERS: Final = 12
SAMPLES: Final = 300


@dataclass
class Process:
    """The server from outside."""

    pid: int
    places: bad.Places
    tls: ClientTLS
    memory: list[int] = field(default_factory=list)

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))  # noqa: PTH208  # a Path would open one itself

    def anonymous(self) -> int:
        """Bytes that are its own: heap and stacks. What it shares weighs by who else runs."""
        lines = Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("Anonymous:"))

    async def stats(self) -> dict[str, Any]:
        async with Channel(self.places.local) as channel:
            reply = await channel.unary("/test.Soak/Stats", BytesValue(), BytesValue)
        held: dict[str, Any] = json.loads(reply.value)
        return held


@contextlib.asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Process]:
    server, client = pki.issue(authority(), usage=(SERVER,)), pki.issue(authority())
    foreign = pki.issue(authority(name="foreign"))
    for name, content in (
        ("ca.crt", authority().pem), ("server.crt", server.pem), ("server.key", server.key),
        ("client.crt", client.pem), ("client.key", client.key),
        ("foreign.crt", foreign.pem), ("foreign.key", foreign.key),
    ):  # fmt: skip
        (folder / name).write_bytes(content)
    contexts = [ssl_context((str(folder / f"{who}.crt"), str(folder / f"{who}.key"))) for who in ("client", "foreign")]
    command = [sys.executable, "-m", "tests.rpc.soak.server", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: ASYNC220  # brief
        try:
            assert process.stdout is not None
            port = (await asyncio.to_thread(process.stdout.readline)).strip()
            places = bad.Places(f"unix:{folder / 's'}", f"127.0.0.1:{port}", *contexts)
            yield Process(process.pid, places, ClientTLS(authority().pem, client.pem, client.key))
            process.terminate()
            assert await asyncio.to_thread(process.wait, 30) == 0
        finally:
            process.kill()


async def load(server: Process, seconds: float) -> tuple[int, int]:
    """Good calls and bad peers in that time; a good call that goes wrong ends it with its error."""
    stop, answered, borne = asyncio.Event(), [0] * CLIENTS, [0] * PEERS
    async with asyncio.TaskGroup() as group:
        for number in range(CLIENTS):
            address, tls = (server.places.local, None) if number % 2 else (server.places.front, server.tls)
            group.create_task(good.client(address, tls, number, stop, answered))
        rude = [group.create_task(bad.peer(server.places, number, borne)) for number in range(PEERS)]
        end = time.monotonic() + seconds
        while time.monotonic() < end or not (sum(answered) and sum(borne)):
            await asyncio.sleep(seconds / SAMPLES)
            server.memory.append(server.anonymous())
        stop.set()
        for peer in rude:
            peer.cancel()
    return sum(answered), sum(borne)


async def back_to(server: Process, descriptors: int, held: dict[str, Any]) -> None:
    """Wait until the server has let go of everything; a minute at most."""
    end = time.monotonic() + 60
    while (seen := (server.descriptors(), await server.stats()))[0] > descriptors or seen[1] != held:
        assert time.monotonic() < end, f"{seen} is left of {(descriptors, held)}"
        await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    "seconds", [pytest.param(4, id="short"), pytest.param(SECONDS, id="long", marks=pytest.mark.slow)]
)
def test_a_server_bears_everybody(tmp_path: Path, seconds: int, record_result: Record) -> None:
    async def main() -> tuple[Process, int, int]:
        async with serving(tmp_path) as server:
            await server.stats()
            held, descriptors = await server.stats(), server.descriptors()
            assert held["complaints"] == []
            calls, peers = await load(server, seconds)
            await back_to(server, descriptors, held)
            return server, calls, peers

    server, calls, peers = uvloop.run(main())
    third = len(server.memory) // 3
    middle, last = server.memory[third : 2 * third], server.memory[2 * third :]
    record_result("good calls", f"{calls}, all answered")
    record_result("bad peers", peers)
    for name, of in (("least", min), ("median", median), ("most", max)):
        sizes = f"{of(middle) / 2**20:.1f}, {of(last) / 2**20:.1f} MB"
        record_result(f"{name} memory in the middle and last third", sizes)
    if seconds == SECONDS:
        assert min(calls, peers) > SECONDS
        assert median(last) < 1.05 * median(middle) + (2 << 20)
        assert max(last) < 1.15 * max(middle) + (4 << 20)
