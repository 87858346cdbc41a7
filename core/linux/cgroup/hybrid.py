"""cgroup v1 with the unified hierarchy beside it: v1 controllers limit, `unified` tracks and kills. v1 has no protected
memory, so those settings are always among the unapplied."""

from pathlib import Path
from typing import Final

from core.linux.cgroup.limits import Limits, Unapplied, shares, write

INHERITED: Final = ("cpuset.cpus", "cpuset.mems")


class Hybrid:
    """The backend for a folder of v1 mounts with a cgroup2 mount called `unified`."""

    kind = "v1"

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tracking = root / "unified"
        controllers = sorted(p for p in root.iterdir() if not p.is_symlink() and (p / "cgroup.procs").exists())
        self.hierarchies = [*(p for p in controllers if p != self.tracking), self.tracking]

    def prepare(self, folder: Path) -> None:
        """Fill an empty cpuset from its parent: without that it takes no process."""
        for name in INHERITED:
            file = folder / name
            if file.exists() and not file.read_text().strip():
                file.write_text((folder.parent / name).read_text())

    def apply(self, path: str, limits: Limits) -> list[Unapplied]:
        """Set what v1 can express; `swap` False takes swapping from the group by memory.swappiness."""
        absent = "cgroup v1 has nothing like it"
        wanted = {"memory.min": limits.memory_min, "memory.low": limits.memory_low}
        refused = [Unapplied(path, name, str(value), absent) for name, value in wanted.items() if value is not None]
        values = {
            "memory/memory.limit_in_bytes": limits.memory_max,
            "memory/memory.swappiness": None if limits.swap else 0,
            "cpu/cpu.shares": None if limits.millicores is None else shares(limits.millicores),
            "pids/pids.max": limits.pids_max,
        }
        return refused + write(path, [(self._file(name, path), v) for name, v in values.items() if v is not None])

    def _file(self, name: str, path: str) -> Path:
        controller, file = name.split("/")
        return self.root / controller / path / file
