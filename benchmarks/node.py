"""A configured container node of the benchmarks' own: in a folder of its own, started and stopped at will, gone at the
end. Owns nothing of what is measured; its clients are the project's."""

import asyncio
import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from google.protobuf.empty_pb2 import Empty

from core.base.errors import NotReady
from core.cli import imagefile
from core.config import client
from core.image.verify import verify
from core.provision import bringup, cluster, model
from core.provision.container import Containers
from core.provision.places import Places
from core.rpc.client import Channel
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.pb.resource.definitions.enums.enums_pb2 import MACHINE_STAGE_RUNNING as RUNNING
from core.rpc.pb.resource.definitions.runtime.runtime_pb2 import MachineStatusSpec
from core.rpc.pb.v1alpha1 import state_pb2 as state
from core.rpc.status import RpcError
from core.rpc.tls import ClientTLS

NAME: Final = "bench"
VERSION: Final = "/machine.MachineService/Version"
STATUS: Final = "MachineStatuses.runtime.talos.dev"
PROBE_SECONDS: Final = 0.01
OURS: Final = ("init", "ichor-spawner", "ichor-machined", "ichor-apid", "ichor-trustd")


@dataclass(slots=True)
class BenchNode:
    """`talosconfig` is the file by which its own clients and others reach it; it is node `number` of its cluster."""

    places: Places
    cluster: model.Cluster
    machines: Containers
    tls: ClientTLS
    talosconfig: Path
    number: int = 0

    @property
    def record(self) -> model.Node:
        """What the cluster knows of it."""
        return self.cluster.nodes[self.number]

    @property
    def host(self) -> str:
        """Its address."""
        return self.record.address

    @property
    def address(self) -> str:
        """Where its API answers."""
        return f"{self.host}:{self.record.port}"

    @property
    def init(self) -> int:
        """The pid of its PID 1 on this machine."""
        run = self.machines.run(self.record)
        if run is None or not run.init:
            raise NotReady("the node does not run")
        return run.init

    def start(self) -> None:
        """Start it; returns when its PID 1 runs."""
        self.machines.start(self.record)

    def stop(self) -> None:
        """Stop it in order."""
        self.machines.stop(self.record)

    def console(self) -> str:
        """What it said since it was made."""
        return self.machines.console(self.record).read_text()

    def ours(self) -> dict[str, int]:
        """Our own processes in it by name: pid on this machine. One that is being restarted is absent."""
        found, pending = {}, [self.init]
        while pending:
            pid = pending.pop()
            try:
                name = "init" if pid == self.init else Path(f"/proc/{pid}/comm").read_text().strip()
                pending += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
            except (FileNotFoundError, ProcessLookupError):
                continue
            if name in OURS:
                found[name] = pid
        return found

    def channel(self) -> Channel:
        """To its front door, as its administrator."""
        return Channel(self.address, self.tls, timeout=5)

    async def answers(self, seconds: float = 60.0) -> float:
        """Ask for the version over a new connection until it says it; the boot clock's time then."""
        deadline = boottime() + seconds
        self._introduce()
        while not self._listens():
            if boottime() > deadline:
                raise TimeoutError(f"{self.address} does not listen")
        while True:
            try:
                async with Channel(self.address, self.tls, timeout=1) as channel:
                    await channel.unary(VERSION, Empty(), pb.VersionResponse, timeout=1)
                    return boottime()
            except RpcError:
                if boottime() > deadline:
                    raise

    async def settled(self, seconds: float = 60.0) -> None:
        """Wait until it answers and its boot is over."""
        deadline = await self.answers(seconds) + seconds
        async with self.channel() as channel:
            while boottime() < deadline:
                request = state.GetRequest(namespace="runtime", type=STATUS, id="machine")
                answer = await channel.unary("/cosi.resource.State/Get", request, state.GetResponse)
                status = MachineStatusSpec.FromString(answer.resource.spec.proto_spec)
                if status.stage == RUNNING and status.status.ready:
                    return
                await asyncio.sleep(0.05)
        raise TimeoutError(f"{self.address} does not get ready")

    def _introduce(self) -> None:
        """Tell this machine's neighbour table who the node is. Asked for too early, an address that is not there yet
        would be asked for again only a second later, which is this machine's time and not the node's."""
        inside = ["nsenter", f"--net=/proc/{self.init}/ns/net", "ip", "-json", "link", "show", "eth0"]
        mac = json.loads(subprocess.run(inside, check=True, capture_output=True).stdout)[0]["address"]
        known = ["ip", "neighbor", "replace", self.host, "lladdr", mac]
        subprocess.run([*known, "nud", "permanent", "dev", self.cluster.bridge], check=True)

    def _listens(self) -> bool:
        """Whether a connection is accepted; a lost first packet would be repeated after a second only, so each attempt
        is a short one."""
        node = self.record
        with socket.socket() as probe:
            probe.settimeout(PROBE_SECONDS)
            try:
                probe.connect((node.address, node.port))
            except OSError:
                return False
        return True

    async def log(self, service: str) -> str:
        """What a service logged since the node booted."""
        async with self.channel() as channel:
            return await logged(channel, service)


async def logged(channel: Channel, service: str) -> str:
    """What a service logged since its node booted."""
    request = pb.LogsRequest(id=service, tail_lines=-1)
    replies = channel.server_stream("/machine.MachineService/Logs", request, common_pb2.Data)
    return b"".join([reply.bytes async for reply in replies]).decode()


def boottime() -> float:
    """Seconds since this machine's kernel started, the clock that messages carry."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@contextmanager
def configured(
    image: Path, kind: model.Kind, say: Callable[[str], None], name: str = NAME, workers: int = 0
) -> Iterator[tuple[Places, model.Cluster, client.ClientConfig]]:
    """A cluster of a control plane and workers of the image in the folder `image`, ready, and how to reach it; it
    is gone at the end."""
    with TemporaryDirectory(prefix="ichor-bench-") as folder:
        places = Places(Path(folder))
        spec = model.ClusterSpec(name=name, kind=kind, image=str(image), workers=workers, standalone=True)
        public = imagefile.public_key(None)
        try:
            made = cluster.create(places, spec, lambda file: verify(file, public), say)
            yield places, made, bringup.configure(places, made, (), say, wait=True)
        finally:
            if name in model.names(places):  # a start that failed leaves a record too
                cluster.destroy(places, name)


@contextmanager
def nodes(image: Path, say: Callable[[str], None], name: str = NAME, workers: int = 0) -> Iterator[list[BenchNode]]:
    """Container nodes of the image in the folder `image`, ready: a control plane, then the workers."""
    with configured(image, "container", say, name, workers) as (places, made, access):
        context = access.get()
        talosconfig = places.home / "talosconfig"
        talosconfig.write_bytes(client.save(access))
        tls = ClientTLS(context.ca, context.crt, context.key)
        machines = Containers(places, made)
        yield [BenchNode(places, made, machines, tls, talosconfig, number) for number in range(len(made.nodes))]
