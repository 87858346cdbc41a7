"""What happens to machines: container nodes that lose their power or their disk, stand still, are cut off. What lasts
for a block is undone however that ends."""

import os
import select
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from core.provision import cgroups, network
from core.provision.cluster import provisioner
from tests.support.cluster import STRANGER, Node


def power_off(*nodes: Node) -> None:
    """All at once, and none is told before."""
    for node in nodes:
        _kill(node.run.keeper)
    for node in nodes:
        cgroups.kill(_group(node))
    for node in nodes:
        provisioner(node.home.places, node.cluster).stop(node.cluster.nodes[node.index])


def power_on(node: Node) -> None:
    """It boots with what is on its disk."""
    machines = provisioner(node.home.places, node.cluster)
    machines.prepare()
    machines.start(node.cluster.nodes[node.index])


def wipe(node: Node) -> None:
    """Lose the disk of a node that has no power."""
    for name in ("var", "state"):
        shutil.rmtree(node.folder / name)
    (node.folder / "meta").unlink()


def replace(node: Node) -> None:
    """Give a node that was wiped its config again, as whoever puts another machine in its place does."""
    power_on(node)
    node.await_answer(STRANGER)
    config = node.home.places.cluster(node.cluster.spec.name) / "controlplane.yaml"
    node.home.ichorctl("apply-config", "--insecure", "--nodes", node.address, "--file", str(config))


@contextmanager
def frozen(node: Node) -> Iterator[None]:
    """Nothing of it runs, and nobody is told."""
    switches = [folder / "cgroup.freeze" for folder in cgroups.folders(_group(node))]
    (switch,) = (each for each in switches if each.exists())
    switch.write_text("1")
    try:
        yield
    finally:
        switch.write_text("0")


@contextmanager
def cut(node: Node) -> Iterator[None]:
    """Its cable is pulled: the others miss it, and this machine does too."""
    veth = network.veth_name(node.cluster.bridge, node.name)
    _run("ip", "link", "set", veth, "down")
    try:
        yield
    finally:
        _run("ip", "link", "set", veth, "up")


@contextmanager
def parted(some: Sequence[Node], others: Sequence[Node]) -> Iterator[None]:
    """What these send each other gets lost, without a word; this machine reaches them all."""
    pairs = [(one, other) for one in some for other in others]
    pairs += [(other, one) for one, other in pairs]
    try:
        for one, other in pairs:
            _inside(one, "iptables", "-w", "-I", "INPUT", "-s", other.address, "-j", "DROP")
        yield
    finally:
        for one, other in pairs:
            _inside(one, "iptables", "-w", "-D", "INPUT", "-s", other.address, "-j", "DROP")


def _group(node: Node) -> str:
    return f"ichor/{node.cluster.bridge}/{node.name}"


def _inside(node: Node, *command: str) -> None:
    _run("nsenter", f"--net=/proc/{node.init}/ns/net", *command)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=30)


def _kill(pid: int) -> None:
    handle = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        select.select([handle], [], [])
    finally:
        os.close(handle)
