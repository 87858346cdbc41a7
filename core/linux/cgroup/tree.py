"""The node's group hierarchy, whatever kernel set-up carries it. Paths are relative to the node's own root group
("system/runtime"); a group exists in every hierarchy or in none. Limits that cannot be set are handed back."""

import os
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Final, Protocol

from core.base.errors import Invalid, Unsupported
from core.linux.cgroup.hybrid import Hybrid
from core.linux.cgroup.limits import Limits, Unapplied
from core.linux.cgroup.population import emptied, populated
from core.linux.cgroup.unified import Unified

ROOT: Final = Path("/sys/fs/cgroup")


class Backend(Protocol):
    """How one kind of set-up limits. `tracking` is the cgroup2 mount, the last of `hierarchies`."""

    kind: str
    tracking: Path
    hierarchies: list[Path]

    def prepare(self, folder: Path) -> None:
        """Make a new folder able to take processes."""

    def apply(self, path: str, limits: Limits) -> list[Unapplied]:
        """Set the limits of an existing group; those that could not be set."""


class Tree:
    """Groups by path: make, fill, watch, kill, remove."""

    def __init__(self, backend: Backend, base: str = "") -> None:
        self._backend = backend
        self._base = PurePosixPath(base)

    @classmethod
    def detect(cls, root: Path = ROOT, base: str = "") -> "Tree":
        """The tree over what is mounted at `root`; `base` is the node's root group in it. Raises Unsupported if that is
        neither v2 nor v1 with `unified`."""
        if (root / "cgroup.controllers").exists():
            return cls(Unified(root), base)
        if (root / "unified" / "cgroup.controllers").exists():
            return cls(Hybrid(root), base)
        raise Unsupported(f"no cgroup2 hierarchy at {root}", remedy="mount cgroup2 there, or at unified/ beside v1")

    @property
    def kind(self) -> str:
        """v2, or v1 for the hybrid."""
        return self._backend.kind

    def make(self, path: str, limits: Limits | None = None) -> list[Unapplied]:
        """Make the group, its parents too, and limit it. One that exists is kept and limited anew."""
        for hierarchy in self._backend.hierarchies:
            folder = hierarchy
            for part in self._parts(path):
                folder = folder / part
                folder.mkdir(exist_ok=True)
                self._backend.prepare(folder)
        return self._backend.apply("/".join(self._parts(path)), limits) if limits else []

    def folders(self, path: str) -> list[Path]:
        """The group's folder in every hierarchy: where a process about to exec writes itself into cgroup.procs."""
        return [hierarchy.joinpath(*self._parts(path)) for hierarchy in self._backend.hierarchies]

    def path(self, path: str) -> str:
        """The group as container runtimes name it: from the root of this cgroup namespace."""
        return "/" + "/".join(self._parts(path))

    def attach(self, path: str, pid: int) -> None:
        """Move a process, all its threads, into the group. OSError names the file; Invalid for 0, the kernel's word for
        whoever writes."""
        if pid <= 0:
            raise Invalid(f"{pid} is not a process")
        for folder in self.folders(path):
            (folder / "cgroup.procs").write_text(str(pid))

    def vacate(self, path: str) -> None:
        """Move everything that sits in the node's root group into the group, and what is born meanwhile."""
        for hierarchy, folder in zip(self._backend.hierarchies, self.folders(path), strict=True):
            left, seen = hierarchy / self._base / "cgroup.procs", set[str]()
            while new := set(left.read_text().split()) - seen:
                seen |= new
                for pid in filter(_is_program, new):
                    with suppress(ProcessLookupError):
                        (folder / "cgroup.procs").write_text(pid)

    def pids(self, path: str) -> list[int]:
        """The processes in the group and below, as this pid namespace numbers them."""
        folders = [Path(name) for name, _, _ in os.walk(self._tracking(path))]
        return [int(pid) for folder in folders for pid in (folder / "cgroup.procs").read_text().split()]

    def populated(self, path: str) -> bool:
        """Whether a process lives in the group or below."""
        return populated(self._tracking(path))

    async def emptied(self, path: str) -> None:
        """Return when nothing lives in the group or below; the caller sets the deadline."""
        await emptied(self._tracking(path))

    def kill(self, path: str) -> None:
        """SIGKILL everything in the group and below at once, forks under way included; a group that is gone is dead."""
        try:
            (self._tracking(path) / "cgroup.kill").write_text("1")
        except FileNotFoundError:
            return

    def remove(self, path: str) -> None:
        """Delete the group and all below it. OSError EBUSY while something lives there; one that is gone is fine."""
        for folder in reversed(self.folders(path)):  # the tracking one first: it knows whether anything lives
            for name, _, _ in os.walk(folder, topdown=False):
                Path(name).rmdir()

    def _tracking(self, path: str) -> Path:
        return self._backend.tracking.joinpath(*self._parts(path))

    def _parts(self, path: str) -> tuple[str, ...]:
        pure = PurePosixPath(path)
        if not pure.parts or pure.is_absolute() or ".." in pure.parts:
            raise Invalid(f"{path!r} is not a group of this node", remedy="name it relative to the node's root group")
        return self._base.parts + pure.parts


def _is_program(pid: str) -> bool:
    """Not so for kernel threads, whose /proc/PID/exe is there but leads nowhere, nor for what other namespaces hide."""
    try:
        Path(f"/proc/{pid}/exe").readlink()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return True
