"""cgroup v2: one hierarchy for everything (Documentation/admin-guide/cgroup-v2.rst). A controller reaches a group only
if every group above it hands it down."""

from pathlib import Path

from core.linux.cgroup.limits import Limits, Unapplied, weight, write


class Unified:
    """The backend for a cgroup2 mount at `root`, whatever controllers it has."""

    kind = "v2"

    def __init__(self, root: Path) -> None:
        self.tracking = root
        self.hierarchies = [root]

    def prepare(self, folder: Path) -> None:
        """Hand every controller of the parent down to `folder`. One the parent cannot give shows up in `apply`."""
        parent = folder.parent
        missing = set((parent / "cgroup.controllers").read_text().split())
        missing -= set((parent / "cgroup.subtree_control").read_text().split())
        for controller in sorted(missing):
            try:
                (parent / "cgroup.subtree_control").write_text(f"+{controller}")
            except OSError:  # threaded, busy with processes of its own, or not delegated
                continue

    def apply(self, path: str, limits: Limits) -> list[Unapplied]:
        """Set what is asked for."""
        values = {
            "memory.min": limits.memory_min,
            "memory.low": limits.memory_low,
            "memory.max": limits.memory_max,
            "memory.swap.max": None if limits.swap else 0,
            "cpu.weight": None if limits.millicores is None else weight(limits.millicores),
            "pids.max": limits.pids_max,
        }
        folder = self.tracking / path
        return write(path, [(folder / name, value) for name, value in values.items() if value is not None])
