"""What runs on the nodes of a cluster and what it holds: a control plane, and a worker whose control group of memory is
limited before its first config comes, each with a pod. A process counts as if its node were alone on this machine:
anonymous pages by their proportional share, and of a file's pages, which other nodes map too, the node's own share."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.figures import Figure
from benchmarks.group import Group
from benchmarks.node import OURS
from benchmarks.run import Run
from core.base.errors import IchorError
from tests.support import kubecluster
from tests.support.cluster import Node

LIMIT: Final = 512 * 10**6
_SHARES: Final = ("Pss_Anon:", "Pss_Shmem:")
_SHMEM: Final = ("/memfd:", "/dev/shm/", "/dev/zero")


class Starved(IchorError):
    """The kernel killed for want of memory on a node that is limited."""


def figures(run: Run) -> Iterator[Figure]:
    """Our processes, then all others by name, the largest first; of the worker what it could not give back, too."""
    with TemporaryDirectory(prefix="ichor-bench-") as folder:
        run.say("a control plane and a worker of 512 MB")
        with kubecluster.running(Path(folder), workers=1, begun=lambda nodes: Group(nodes[1]).limit(LIMIT)) as made:
            made.apply(kubecluster.app("DaemonSet", "every"))
            made.rolled_out("daemonset/every")
            placed = {pod["spec"]["nodeName"] for pod in made.read("pods", "--selector=app=every")["items"]}
            if placed != {node.name for node in made.nodes}:
                raise Starved(f"pods run on {', '.join(sorted(placed))} alone")
            control_plane, worker = made.nodes
            yield from node_figures("control plane", control_plane)
            yield from node_figures("worker of 512 MB", worker)
            yield Figure("- whole, given back what can be", "MB", [Group(worker).working_set() / 1e6], LIMIT / 1e6)
            if killed := Group(worker).deaths():
                raise Starved(f"{killed} processes were killed for want of memory")


def node_figures(title: str, node: Node) -> Iterator[Figure]:
    """In MB, by short name; processes of one name together."""
    held = sizes(Group(node).processes())
    ours = [held.pop(name) for name in OURS if name in held]
    yield Figure(f"{title}: our processes", "MB", [sum(ours) / 1e6], 80, 60)
    for name, size in sorted(held.items(), key=lambda found: -found[1]):
        yield Figure(f"- {name}", "MB", [size / 1e6])


def sizes(found: Mapping[int, str]) -> dict[str, float]:
    """Bytes by short name. What is in memory of a part of a file is nearly what the process holds that maps most of it;
    it is divided among those that map it by how much each does."""
    total = defaultdict[str, float](float)
    mapped = defaultdict[str, dict[int, int]](dict)
    for pid, name in found.items():
        try:
            total[name] += shares(Path(f"/proc/{pid}/smaps_rollup").read_text())
            for part, size in files(Path(f"/proc/{pid}/smaps").read_text()).items():
                mapped[part][pid] = size
        except (FileNotFoundError, ProcessLookupError):
            continue
    for users in mapped.values():
        for pid, size in users.items():
            total[found[pid]] += max(users.values()) * size / sum(users.values())
    return dict(total)


def shares(rollup: str) -> int:
    """Bytes of a process's that are of no file, those that it shares by their proportion (proc_pid_smaps(5))."""
    return sum(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith(_SHARES))


def files(smaps: str) -> dict[str, int]:
    """Bytes in memory of each part of a file that is mapped, without what was written to a private copy."""
    found = Counter[str]()
    part = ""
    for line in smaps.splitlines():
        words = line.split()
        if not words[0].endswith(":"):
            named = len(words) > 5 and words[5].startswith("/") and not words[5].startswith(_SHMEM)
            part = " ".join(words[2:5]) if named else ""
        elif part and words[0] == "Rss:":
            found[part] += int(words[1]) * 1024
        elif part and words[0] == "Anonymous:":
            found[part] -= int(words[1]) * 1024
    return {key: size for key, size in found.items() if size > 0}
