"""The control group of memory that a node's processes are in on this machine, of either version of the kernel's."""

from pathlib import Path

from core.provision import cgroups
from core.provision.container import Containers
from tests.support.cluster import Node


class Group:
    """A running node's. Everything in the node is in it or below, whatever namespace it is in."""

    def __init__(self, node: Node) -> None:
        name = Containers(node.home.places, node.cluster).group(node.cluster.nodes[node.index])
        first, *others = cgroups.folders(name)
        self._unified = not others
        self._folder = next((folder for folder in others if "memory" in folder.parts), first)
        self._init = node.init

    def limit(self, size: int) -> None:
        """Let the node have no more bytes, in memory of any kind."""
        (self._folder / ("memory.max" if self._unified else "memory.limit_in_bytes")).write_text(str(size))

    def processes(self) -> dict[int, str]:
        """All of the node's: pid on this machine, short name."""
        found = {}
        for listed in self._folder.rglob("cgroup.procs"):
            for pid in map(int, listed.read_text().split()):
                try:
                    found[pid] = "init" if pid == self._init else Path(f"/proc/{pid}/comm").read_text().strip()
                except (FileNotFoundError, ProcessLookupError):
                    continue
        return found

    def working_set(self) -> int:
        """Bytes that the kernel could not take back without ado, as the kubelet counts them."""
        current, cold = ("current", "inactive_file") if self._unified else ("usage_in_bytes", "total_inactive_file")
        used = int((self._folder / f"memory.{current}").read_text())
        return used - _counter(self._folder / "memory.stat", cold)

    def deaths(self) -> int:
        """How many were killed for want of memory."""
        if self._unified:
            return _counter(self._folder / "memory.events", "oom_kill")
        return sum(_counter(each, "oom_kill") for each in self._folder.rglob("memory.oom_control"))


def _counter(file: Path, name: str) -> int:
    """A number by its name in a file of such lines."""
    return next(int(line.split()[1]) for line in file.read_text().splitlines() if line.split()[0] == name)
