"""Nodes as namespaces on this machine's kernel. Owns what a container node is made of: its folder, keeper and
cable. Every step is idempotent, and `destroy` finds what a crash left by name alone."""

import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import msgspec

from core.base.errors import NotReady
from core.base.files import write_atomic
from core.codec import meta
from core.provision import cgroups, network, rootfs
from core.provision.keeper import STOP_SECONDS, Orders, Run
from core.provision.model import Cluster, Node, forget
from core.provision.namespace import Plan
from core.provision.places import Places

KEEPER = "core.provision.keeper"


class Containers:
    """The provisioner for `kind: container`."""

    def __init__(self, places: Places, cluster: Cluster) -> None:
        self.places = places
        self.cluster = cluster

    def prepare(self) -> None:
        """The image mounted, the bridge up."""
        image = Path(self.cluster.spec.image) / "ichor.img"
        rootfs.mount(self.places, image, self.cluster.image_sha256)
        network.make_bridge(self.cluster.bridge, self.cluster.gateway, 24)

    def start(self, node: Node) -> None:
        """Start the node's keeper unless it runs; returns when the node does. Raises NotReady with the reason."""
        if self.running(node):
            return
        self._sweep(node)
        orders = self._orders(node)
        folder = self._folder(node)
        self._lay_out(node, folder)
        (folder / "run.json").unlink(missing_ok=True)
        with (folder / "keeper.log").open("ab") as log:
            # setsid --fork: the keeper outlives this process and is nobody's unreaped child
            said = subprocess.run(
                ["setsid", "--fork", sys.executable, "-P", "-m", KEEPER, str(folder)],
                input=msgspec.json.encode(orders),
                stdout=subprocess.PIPE,
                stderr=log,
                cwd="/",
                check=True,
            ).stdout.decode()
        if said or not self.running(node):
            raise NotReady(f"{node.name} did not start: {said.strip() or 'its keeper died'}", remedy=f"see {log.name}")

    def run(self, node: Node) -> Run | None:
        """What the keeper last wrote; None before it wrote anything."""
        try:
            return msgspec.json.decode((self._folder(node) / "run.json").read_bytes(), type=Run)
        except FileNotFoundError:
            return None

    def running(self, node: Node) -> bool:
        """Whether the node's keeper lives."""
        return self._keeper(node) != 0

    def stop(self, node: Node) -> None:
        """An orderly shutdown within STOP_SECONDS, then force; returns when nothing of the node runs."""
        keeper = self._keeper(node)
        if keeper:
            _end(keeper)
        self._sweep(node)

    def remove(self, node: Node) -> None:
        """Stop it and remove all that it had on this machine."""
        self.stop(node)
        if self._folder(node).exists():
            shutil.rmtree(self._folder(node))

    def destroy(self) -> None:
        """Stop every node and remove all that the cluster had on this machine."""
        for node in self.cluster.nodes:
            self.stop(node)
        network.remove(self.cluster.bridge)
        forget(self.places, self.cluster)
        rootfs.release(self.places)

    def console(self, node: Node) -> Path:
        """The file with what the node's processes said to its console; what is older is in console.log.previous."""
        return self._folder(node) / "console.log"

    def group(self, node: Node) -> str:
        """Where the node's processes are in each of this machine's cgroup hierarchies, while it runs."""
        return f"ichor/{self.cluster.bridge}/{node.name}"

    def _sweep(self, node: Node) -> None:
        """End what a keeper that was killed left running; nothing after one that ended by itself."""
        group = self.group(node)
        cgroups.kill(group)
        cgroups.remove(group)
        network.remove(network.veth_name(self.cluster.bridge, node.name))

    def _keeper(self, node: Node) -> int:
        """The pid of the node's keeper, 0 when it has none. A pid that has become another's is known by its command
        line, which names the node's folder."""
        run = self.run(node)
        if run is None or not run.keeper:
            return 0
        try:
            words = Path(f"/proc/{run.keeper}/cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            return 0
        return run.keeper if {KEEPER.encode(), os.fsencode(self._folder(node))} <= set(words) else 0

    def _folder(self, node: Node) -> Path:
        return self.places.node(self.cluster.spec.name, node.name)

    def _orders(self, node: Node) -> Orders:
        root = rootfs.mount(self.places, Path(self.cluster.spec.image) / "ichor.img", self.cluster.image_sha256)
        return Orders(
            plan=Plan(image_root=str(root), image_file=str(rootfs.held(root)), folder=str(self._folder(node))),
            group=self.group(node),
            bridge=self.cluster.bridge,
            veth=network.veth_name(self.cluster.bridge, node.name),
        )

    def _lay_out(self, node: Node, folder: Path) -> None:
        for name, mode in (("var", 0o755), ("state", 0o700), ("root", 0o755)):
            (folder / name).mkdir(parents=True, exist_ok=True, mode=mode)
        if not (folder / "meta").exists():
            write_atomic(folder / "meta", (meta.encode({}) * 2).ljust(meta.PARTITION_SIZE, b"\0"), mode=0o600)
        address = f"ip={node.address}::{self.cluster.gateway}:255.255.255.0:{node.name}:eth0:off"
        words = f"talos.platform=container {address} {self.cluster.spec.cmdline}".rstrip()
        (folder / "cmdline").write_text(f"{words}\n")


def _end(keeper: int) -> None:
    """SIGTERM and wait; the keeper bounds the shutdown itself, so past its bound something is wrong with it."""
    try:
        handle = os.pidfd_open(keeper)
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        if not _ended(handle, STOP_SECONDS + 15):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            if not _ended(handle, 5):
                raise NotReady(f"keeper {keeper} does not end", remedy="look at keeper.log in the node's folder")
    finally:
        os.close(handle)


def _ended(handle: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(seconds * 1000))
