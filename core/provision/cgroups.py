"""A node's place in the machine's cgroup hierarchies (v1, hybrid or v2): make, enter, kill, remove."""

import errno
import os
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from core.base.errors import IchorError

ROOT: Final = Path("/sys/fs/cgroup")
_COPIED: Final = ("cpuset.cpus", "cpuset.mems")


def hierarchies() -> list[Path]:
    """Mount points: [ROOT] on a pure v2 machine, else each v1 hierarchy and `unified`."""
    if (ROOT / "cgroup.procs").exists():
        return [ROOT]
    return sorted(path for path in ROOT.iterdir() if not path.is_symlink() and (path / "cgroup.procs").exists())


def folders(group: str) -> list[Path]:
    """The folder of `group` in each hierarchy."""
    return [hierarchy / group for hierarchy in hierarchies()]


def make(group: str) -> list[Path]:
    """Create the group everywhere; a v1 cpuset is filled from its parent, which it needs before it takes a process."""
    return [_make(hierarchy, Path(group)) for hierarchy in hierarchies()]


def enter(made: list[Path]) -> None:
    """Move this process into the group."""
    for folder in made:
        (folder / "cgroup.procs").write_text("0")


def kill(group: str, timeout: float = 10.0) -> None:
    """SIGKILL everything in the group and below, and return when it is empty. Raises IchorError after `timeout` s."""
    tracking = [folder for folder in folders(group) if (folder / "cgroup.kill").exists()]
    for folder in tracking:
        (folder / "cgroup.kill").write_text("1")
    deadline = time.monotonic() + timeout
    for folder in tracking:
        _wait_until_empty(folder, deadline)


def remove(group: str) -> None:
    """Delete the group with all below it, and the parents that are empty then."""
    for hierarchy in hierarchies():
        folder = hierarchy / group
        for path, _, _ in os.walk(folder, topdown=False):
            Path(path).rmdir()
        for parent in folder.parents[: len(Path(group).parts) - 1]:
            with _shared():
                parent.rmdir()


def _make(hierarchy: Path, group: Path) -> Path:
    """Anew when a parent that was empty has just been removed by whoever removed another group in it."""
    while True:
        try:
            for part in (*reversed(group.parents[:-1]), group):
                with suppress(FileExistsError):
                    (hierarchy / part).mkdir()
                _fill_cpuset(hierarchy / part)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENODEV) or not hierarchy.exists():
                raise
        else:
            return hierarchy / group


@contextmanager
def _shared() -> Iterator[None]:
    """A parent is everybody's: others may use it, or have removed it."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.ENOTEMPTY, errno.ENOENT):
            raise


def _wait_until_empty(folder: Path, deadline: float) -> None:
    events = os.open(folder / "cgroup.events", os.O_RDONLY | os.O_CLOEXEC)
    try:
        changed = select.poll()
        changed.register(events, select.POLLPRI)
        while b"populated 1" in os.pread(events, 4096, 0):
            if not changed.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise IchorError(f"{folder}: processes survive SIGKILL", remedy="look at cgroup.procs there")
    finally:
        os.close(events)


def _fill_cpuset(folder: Path) -> None:
    for name in _COPIED:
        own = folder / name
        if "cpuset" in folder.parts and own.exists() and not own.read_text().strip():
            own.write_text((folder.parent / name).read_text())
            (folder / "cgroup.clone_children").write_text("1")
