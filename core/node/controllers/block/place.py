"""Where the block domain touches the machine: sysfs, device nodes, mount points, programs. A value, so that tests hand
in loop devices and a temporary folder."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.linux import disk
from core.linux.disk import Device
from core.linux.tool import Run, runner


@dataclass(frozen=True, slots=True)
class Place:
    """`root` is where mount targets are; `mine` says which devices this node may look at and touch."""

    sys: Path = Path("/sys")
    dev: Path = Path("/dev")
    links: Path = Path("/dev/disk")
    root: Path = Path("/")
    run: Run = runner
    mine: Callable[[Device], bool] = lambda _: True

    def devices(self) -> list[Device]:
        """The node's block devices, disks before their partitions."""
        return [d for d in disk.devices(self.sys) if self.mine(d)]

    def node(self, path: str) -> Path:
        """The device node for a path as resources show it (/dev/vda)."""
        return self.dev / path.removeprefix("/dev/")

    def target(self, path: str) -> Path:
        """A mount point."""
        return self.root / path.lstrip("/")
