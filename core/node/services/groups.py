"""The node's control groups and what each may use, as a table; making them, and saying what the kernel did not take."""

from typing import Final

from core.linux.cgroup import Limits, Tree, Unapplied

_MIB: Final = 1 << 20


def _limits(
    minimum: int | None,
    low: int | None,
    maximum: int | None = None,
    cores: int | None = None,
    *,
    tasks: int | None = None,
    swap: bool = False,
) -> Limits:
    """MiB, thousandths of a core, processes and threads."""
    size = [None if value is None else value * _MIB for value in (minimum, low, maximum)]
    return Limits(size[0], size[1], size[2], millicores=cores, pids_max=tasks, swap=swap)


GROUPS: Final = {
    "init": _limits(96, 192, cores=2000),
    "system": _limits(96, 192, cores=1500, swap=True),
    "system/runtime": _limits(48, 96, cores=500),
    # a loop with its threads: four of libuv's, and a resolver's for each processor up to 32
    "system/apid": _limits(16, 32, 128, 500, tasks=64),
    "system/trustd": _limits(8, 16, 128, 250, tasks=64),
    "system/workers": _limits(None, None, 128, 250, tasks=16),  # four at once, which cannot fork
    "system/imagecheck": _limits(None, None, 64, 10),
    "system/kubeprism": _limits(2, 4, 64, 1000, tasks=4),
    "podruntime": _limits(340, 936, cores=4000, swap=True),
    "podruntime/runtime": _limits(196, 392, cores=1000),
    "podruntime/shim": _limits(48, 96, cores=500),
    "podruntime/kubelet": _limits(96, 192, cores=1000),
    "podruntime/etcd": _limits(None, 256, cores=2000),
}


def make(tree: Tree) -> list[Unapplied]:
    """All groups; what sits in the node's root group moves to `init` first, for a group with processes of its own
    hands no controller down. Every limit that could not be set."""
    tree.make("init")
    tree.vacate("init")
    return [unapplied for path, limits in GROUPS.items() for unapplied in tree.make(path, limits)]
