"""Container nodes for tests: a cluster in a home of its own, its nodes' processes seen from this machine, its API by
the command line and by calls. `running()` takes everything away whatever happens."""

import asyncio
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from google.protobuf.empty_pb2 import Empty

from core.cli import clientfile
from core.config import client
from core.image.verify import verify
from core.provision import bringup, model
from core.provision import cluster as provision
from core.provision.keeper import Run
from core.provision.model import ClusterSpec
from core.provision.places import Places
from core.rpc.client import Channel
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.pb.resource.definitions.enums.enums_pb2 import RuntimeMachineStage
from core.rpc.pb.resource.definitions.runtime.runtime_pb2 import MachineStatusSpec
from core.rpc.pb.v1alpha1 import state_pb2 as state
from core.rpc.status import RpcError
from core.rpc.tls import ClientTLS
from tests.support import syscalls
from tests.support.image import TREE, built
from tests.support.pid1 import until

T = TypeVar("T")
DAEMONS = ("ichor-spawner", "ichor-machined", "ichor-apid", "ichor-trustd")
STRANGER = ClientTLS(insecure=True)
_LOCK = Path("/run/lock/ichor-tests.lock")


@dataclass(frozen=True, slots=True)
class Said:
    """What a program answered."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Home:
    """A person's folder: clusters in it, one client config file."""

    folder: Path

    @property
    def places(self) -> Places:
        return Places(self.folder / "ichor")

    @property
    def client_file(self) -> Path:
        return self.folder / "talosconfig"

    @property
    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if key not in ("TALOSCONFIG", "ICHORCONFIG")}
        own = {"HOME": str(self.folder), "ICHOR_HOME": str(self.places.home), "TALOSCONFIG": str(self.client_file)}
        return kept | own

    def command(self, *arguments: str) -> list[str]:
        """The argument list of one invocation."""
        return [str(Path(sys.executable).with_name("ichorctl")), *arguments]

    def tls(self, context: str = "") -> ClientTLS:
        """What the client config says."""
        found = self.context(context)
        return ClientTLS(found.ca, found.crt, found.key)

    def context(self, name: str = "") -> client.Context:
        """One of the client config's, or the one in use."""
        return client.load(self.client_file.read_bytes(), str(self.client_file)).get(name)

    def ichorctl(self, *arguments: str, code: int | None = 0, timeout: float = 180) -> Said:
        """Run a verb as a person does; `code` is the exit code it must have."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert code is None or done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return Said(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a cluster."""

    home: Home
    cluster: model.Cluster
    index: int = 0

    @property
    def name(self) -> str:
        return self.cluster.nodes[self.index].name

    @property
    def address(self) -> str:
        return self.cluster.nodes[self.index].address

    @property
    def folder(self) -> Path:
        return self.home.places.node(self.cluster.spec.name, self.name)

    @property
    def endpoint(self) -> str:
        """Where its front door is reached."""
        return f"{self.address}:{self.cluster.nodes[self.index].port}"

    @property
    def run(self) -> Run:
        """What the keeper says."""
        return msgspec.json.decode((self.folder / "run.json").read_bytes(), type=Run)

    @property
    def init(self) -> int:
        """PID 1 as this machine counts."""
        return self.run.init

    @property
    def root(self) -> Path:
        """The node's files."""
        return Path(f"/proc/{self.init}/root")

    def processes(self) -> dict[int, str]:
        """Every process of the node by this machine's pid, with its short name."""
        space = Path(f"/proc/{self.init}/ns/pid").readlink()
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if (process / "ns/pid").readlink() == space:
                    found[int(process.name)] = (process / "comm").read_text().strip()
            except OSError:
                continue  # it ended while it was looked at
        return found

    def pid(self, name: str) -> int:
        """The one process of that short name; 0 when there is none."""
        found: list[int] = []

        def at_most_one() -> bool:
            found[:] = [pid for pid, comm in self.processes().items() if comm == name and not is_zombie(pid)]
            return len(found) < 2

        # what a process forks has its name until it takes one of its own
        until(at_most_one, what=f"no second {name}")
        return found[0] if found else 0

    def tls(self) -> ClientTLS:
        """What the client config says for this cluster."""
        return self.home.tls(self.cluster.spec.name)

    def context(self) -> client.Context:
        """The client config's for this cluster."""
        return self.home.context(self.cluster.spec.name)

    @property
    def config(self) -> bytes:
        """What it was configured with, if it is a control plane and without patches of its own."""
        return (self.home.places.cluster(self.cluster.spec.name) / "controlplane.yaml").read_bytes()

    def channel(self, tls: ClientTLS | None = None) -> Channel:
        """To its front door."""
        return Channel(self.endpoint, tls or self.tls(), timeout=5)

    def call(self, work: Callable[[Channel], Coroutine[Any, Any, T]], tls: ClientTLS | None = None) -> T:
        """`work` on a channel, on a loop of its own."""

        async def run() -> T:
            async with self.channel(tls) as channel:
                return await work(channel)

        return asyncio.run(run())

    def lets_in(self, tls: ClientTLS) -> bool:
        """Whether its front door takes a connection of who shows that."""

        async def dial(channel: Channel) -> bool:
            try:
                await channel.connection()
            except RpcError:
                return False
            return True

        return self.call(dial, tls)

    def ichorctl(self, *arguments: str, code: int | None = 0, timeout: float = 180) -> Said:
        """A verb for this node, asked of itself."""
        own = ("--endpoints", self.endpoint, "--nodes", self.address)
        return self.home.ichorctl(*arguments, *own, code=code, timeout=timeout)

    @contextmanager
    def following(self, *arguments: str) -> Iterator["Following"]:
        """A verb that keeps printing."""
        command = self.home.command(*arguments, "--endpoints", self.endpoint, "--nodes", self.address)
        process = subprocess.Popen(
            command, cwd=self.home.folder, env=self.home.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        try:
            yield Following(process)
        finally:
            process.kill()
            process.communicate()

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        """End the one process of that name by a signal; its pid."""
        pid = self.pid(name)
        assert pid, f"no {name} to kill"
        os.kill(pid, number)
        return pid

    def await_answer(self, tls: ClientTLS | None = None, seconds: float = 60) -> float:
        """Until Version is answered, asked on a new connection each time; how long that took."""
        began = time.monotonic()

        async def ask(channel: Channel) -> bool:
            try:
                await channel.unary("/machine.MachineService/Version", Empty(), pb.VersionResponse, timeout=5)
            except RpcError:
                return False
            return True

        while not self.call(ask, tls):
            assert time.monotonic() - began < seconds, f"{self.name} does not answer\n{self.console()[-3000:]}"
            time.sleep(0.005)
        return time.monotonic() - began

    def await_ready(self, tls: ClientTLS | None = None, seconds: float = 120) -> None:
        """Until its MachineStatus says that it runs and is ready."""

        async def ask(channel: Channel) -> bool:
            request = state.GetRequest(namespace="runtime", type="MachineStatuses.runtime.talos.dev", id="machine")
            try:
                answer = await channel.unary("/cosi.resource.State/Get", request, state.GetResponse, timeout=5)
            except RpcError:
                return False
            spec = MachineStatusSpec.FromString(answer.resource.spec.proto_spec)
            return spec.stage == RuntimeMachineStage.MACHINE_STAGE_RUNNING and spec.status.ready

        deadline = time.monotonic() + seconds
        while not self.call(ask, tls):
            assert time.monotonic() < deadline, f"{self.name} is not ready\n{self.console()[-3000:]}"
            time.sleep(0.05)

    def await_end(self, seconds: float = 60) -> None:
        """Until its keeper has gone."""
        keeper = self.run.keeper
        if not keeper:
            return
        try:
            handle = os.pidfd_open(keeper)
        except ProcessLookupError:
            return  # it went after it was read of
        try:
            assert select.select([handle], [], [], seconds)[0], f"{self.name} does not end\n{self.console()[-3000:]}"
        finally:
            os.close(handle)

    def console(self) -> str:
        """All it has said."""
        machines = provision.provisioner(self.home.places, self.cluster)
        return machines.console(self.cluster.nodes[self.index]).read_text(errors="replace")


class Following:
    """What a running verb prints, line by line."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._rest = b""

    def ready(self) -> bool:
        """Whether it has printed something that was not taken yet."""
        assert self._process.stdout is not None
        return bool(self._rest or select.select([self._process.stdout], [], [], 0.05)[0])

    def until(self, words: str, seconds: float = 60) -> list[str]:
        """The lines up to the one with these words."""
        assert self._process.stdout is not None
        lines = []
        poll = select.poll()
        poll.register(self._process.stdout, select.POLLIN)
        while True:
            line, newline, rest = self._rest.partition(b"\n")
            if newline:
                self._rest = rest
                lines.append(line.decode())
                if words in lines[-1]:
                    return lines
                continue
            assert poll.poll(seconds * 1000), f"no {words!r} in {lines}"
            data = os.read(self._process.stdout.fileno(), 1 << 16)
            assert data, f"it ended without {words!r}: {lines}"
            self._rest += data


def is_zombie(pid: int) -> bool:
    """Whether it has ended and nobody has asked how; a process that is gone is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def unique(word: str) -> str:
    """A cluster name that no other run has."""
    return f"{word}-{uuid.uuid4().hex[:8]}"


def spec(name: str, nodes: int = 1, workers: int = 0, cmdline: str = "") -> ClusterSpec:
    """Container nodes on the built image, by themselves."""
    image = str(built().image.parent)
    return ClusterSpec(
        name=name,
        kind="container",
        image=image,
        control_planes=nodes,
        workers=workers,
        cmdline=cmdline,
        standalone=True,
    )


def create(
    home: Home,
    wanted: ClusterSpec,
    patches: tuple[tuple[bytes, str], ...] = (),
    begun: Callable[[list[Node]], None] = lambda _: None,
) -> list[Node]:
    """Make the cluster, configure it, wait until it is ready; its context is the client config's current one. `begun`
    is told of the nodes when they run and nothing is asked of them yet."""
    cluster = start(home, wanted)
    nodes = [Node(home, cluster, index) for index in range(len(cluster.nodes))]
    begun(nodes)
    if folder := os.environ.get(syscalls.FOLDER):
        for node in nodes:
            _trace(node, Path(folder))
    access = bringup.configure(home.places, cluster, patches, _silent, wait=True)
    known = clientfile.load_or_empty(home.client_file)
    clientfile.save(home.client_file, known.put(wanted.name, access.contexts[wanted.name]).use(wanted.name))
    return nodes


def start(home: Home, wanted: ClusterSpec) -> model.Cluster:
    """Make the cluster; its nodes are in maintenance mode."""
    key = built().key.read_bytes()
    with alone():
        return provision.create(home.places, wanted, lambda image: _checked(image, key), _silent)


def load(home: Home, name: str) -> model.Cluster:
    """The cluster as recorded."""
    return model.load(home.places, name)


def remove(home: Home) -> None:
    """Every cluster in that home."""
    for name in model.names(home.places):
        provision.destroy(home.places, name)


def show_consoles(home: Home, name: str) -> None:
    """Print the end of what each node of the cluster said."""
    for console in home.places.cluster(name).glob("nodes/*/console.log"):
        print(f"--- {console.parent.name}\n{console.read_text(errors='replace')[-8000:]}")


@contextmanager
def running(
    folder: Path,
    word: str = "e2e",
    nodes: int = 1,
    patches: tuple[tuple[bytes, str], ...] = (),
    workers: int = 0,
    cmdline: str = "",
) -> Iterator[list[Node]]:
    """A cluster that is ready, as long as the block lasts. What its nodes said is shown when the block fails."""
    home = Home(folder)
    name = unique(word)
    try:
        yield create(home, spec(name, nodes, workers, cmdline), patches)
    except BaseException:
        show_consoles(home, name)
        raise
    finally:
        remove(home)


def documents(text: str) -> Any:
    """JSON as a verb printed it."""
    return json.loads(text)


@contextmanager
def alone() -> Iterator[None]:
    """One run of tests at a time picks a subnet, for each has a home of its own."""
    with _LOCK.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _trace(node: Node, folder: Path) -> None:
    """From its next apid on."""
    until(lambda: node.pid("ichor-apid"), 60)
    syscalls.attach(node.pid("ichor-spawner"), folder)
    old = node.kill("ichor-apid")
    until(lambda: node.pid("ichor-apid") not in (0, old), 60)


def _checked(image: Path, key: bytes) -> None:
    verify(image, key)


def _silent(_: str) -> None: ...


__all__ = [
    "DAEMONS",
    "STRANGER",
    "TREE",
    "Following",
    "Home",
    "Node",
    "Said",
    "alone",
    "create",
    "documents",
    "is_zombie",
    "load",
    "remove",
    "running",
    "spec",
    "start",
    "unique",
]
