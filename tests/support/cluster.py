"""Container nodes for tests: a cluster in a home of its own, its nodes' processes seen from this machine, its API by the
command line and by calls. `running()` takes everything away whatever happens."""

import asyncio
import fcntl
import json
import os
import select
import subprocess
import sys
import uuid
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from core.config import client
from core.image.verify import verify
from core.provision import bringup, model
from core.provision import cluster as provision
from core.provision.container import Containers
from core.provision.keeper import Run
from core.provision.model import ClusterSpec
from core.provision.places import Places
from core.rpc.client import Channel
from core.rpc.tls import ClientTLS
from tests.support.image import TREE, built

T = TypeVar("T")
DAEMONS = ("ichor-spawner", "ichor-machined", "ichor-apid")
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
    def machines(self) -> Containers:
        return Containers(self.home.places, self.cluster)

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
        pids = [pid for pid, comm in self.processes().items() if comm == name and not is_zombie(pid)]
        assert len(pids) < 2, f"{len(pids)} processes are called {name}"
        return pids[0] if pids else 0

    def tls(self, kind: str = "") -> ClientTLS:
        """What the cluster's client config says; `kind` "insecure" for maintenance mode."""
        if kind == "insecure":
            return ClientTLS(insecure=True)
        path = self.home.places.cluster(self.cluster.spec.name) / "client.yaml"
        context = client.load(path.read_bytes(), str(path)).get()
        return ClientTLS(context.ca, context.crt, context.key)

    def channel(self, tls: ClientTLS | None = None) -> Channel:
        """To its front door."""
        return Channel(f"{self.address}:50000", tls or self.tls(), timeout=5)

    def call(self, work: Callable[[Channel], Coroutine[Any, Any, T]], tls: ClientTLS | None = None) -> T:
        """`work` on a channel, on a loop of its own."""

        async def run() -> T:
            async with self.channel(tls) as channel:
                return await work(channel)

        return asyncio.run(run())

    def ichorctl(self, *arguments: str, code: int | None = 0, timeout: float = 180) -> Said:
        """A verb for this node."""
        return self.home.ichorctl(*arguments, "--nodes", self.address, code=code, timeout=timeout)

    @contextmanager
    def following(self, *arguments: str) -> Iterator["Following"]:
        """A verb that keeps printing."""
        command = self.home.command(*arguments, "--nodes", self.address)
        process = subprocess.Popen(
            command, cwd=self.home.folder, env=self.home.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        try:
            yield Following(process)
        finally:
            process.kill()
            process.communicate()

    def console(self) -> str:
        """All it has said."""
        return self.machines.console(self.cluster.nodes[self.index]).read_text(errors="replace")


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


def spec(name: str, nodes: int = 1) -> ClusterSpec:
    """Container nodes on the built image."""
    return ClusterSpec(name=name, kind="container", image=str(built().image.parent), control_planes=nodes)


def create(home: Home, wanted: ClusterSpec, patches: tuple[tuple[bytes, str], ...] = ()) -> list[Node]:
    """Make the cluster, configure it, wait until it is ready; its context is the client config's current one."""
    cluster = start(home, wanted)
    access = bringup.configure(home.places, cluster, patches, _silent, wait=True)
    home.client_file.write_bytes(client.save(access))
    return [Node(home, cluster, index) for index in range(len(cluster.nodes))]


def start(home: Home, wanted: ClusterSpec) -> model.Cluster:
    """Make the cluster; its nodes are in maintenance mode."""
    key = built().key.read_bytes()
    with _alone():
        return provision.create(home.places, wanted, lambda image: verify(image, key), _silent)


def remove(home: Home) -> None:
    """Every cluster in that home."""
    for name in model.names(home.places):
        provision.destroy(home.places, name)


@contextmanager
def running(
    folder: Path, word: str = "e2e", nodes: int = 1, patches: tuple[tuple[bytes, str], ...] = ()
) -> Iterator[list[Node]]:
    """A cluster that is ready, as long as the block lasts. What its nodes said is shown when the block fails."""
    home = Home(folder)
    name = unique(word)
    try:
        yield create(home, spec(name, nodes), patches)
    except BaseException:
        for console in home.places.cluster(name).glob("nodes/*/console.log"):
            print(f"--- {console.parent.name}\n{console.read_text(errors='replace')[-6000:]}")
        raise
    finally:
        remove(home)


def documents(text: str) -> Any:
    """JSON as a verb printed it."""
    return json.loads(text)


@contextmanager
def _alone() -> Iterator[None]:
    """One run of tests at a time picks a subnet, for each has a home of its own."""
    with _LOCK.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _silent(_: str) -> None: ...


__all__ = [
    "DAEMONS",
    "TREE",
    "Following",
    "Home",
    "Node",
    "Said",
    "create",
    "documents",
    "is_zombie",
    "remove",
    "running",
    "spec",
    "start",
    "unique",
]
