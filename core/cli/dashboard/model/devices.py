"""What goes through a node's network devices and disks, and how full its volumes are. Rates are bytes a second."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from core.cli.dashboard.model.rates import Meter, Series, total
from core.rpc.pb.machine import machine_pb2 as pb

SECTOR: Final = 512  # bytes, whatever the disk's own are: Documentation/admin-guide/iostats.rst
_LOOPBACK: Final = "lo"
_UNREAL: Final = ("loop", "ram")  # they stand for files and memory
_UPON: Final = ("dm-", "md", "zram")  # what is read from these is read from others once more


@dataclass(slots=True)
class Device:
    """A device's traffic: in is received or read, out is sent or written."""

    name: str
    inward: Meter = field(default_factory=Meter)
    outward: Meter = field(default_factory=Meter)
    busy: Meter = field(default_factory=Meter)  # of a disk: the share of the time in which it had work
    bytes_in: int = 0
    bytes_out: int = 0
    errors: int = 0
    dropped: int = 0

    def take(self, at: float, bytes_in: int, bytes_out: int) -> None:
        """What was counted since it was there."""
        self.bytes_in, self.bytes_out = bytes_in, bytes_out
        self.inward.take(at, bytes_in)
        self.outward.take(at, bytes_out)


@dataclass(slots=True)
class Devices:
    """Devices of one kind, in the order in which the node names them, and what went through all of them."""

    found: dict[str, Device] = field(default_factory=dict)
    inward: Series = field(default_factory=Series)
    outward: Series = field(default_factory=Series)

    def _keep(self, names: Iterable[str]) -> None:
        self.found = {name: self.found.get(name) or Device(name) for name in names}

    def counted(self) -> list[Device]:
        """Those whose traffic is traffic of the node, each byte once."""
        raise NotImplementedError

    @property
    def so_far(self) -> tuple[int, int]:
        """Bytes in and out since these devices were there."""
        return sum(device.bytes_in for device in self.counted()), sum(device.bytes_out for device in self.counted())

    def _sum(self) -> None:
        counted = self.counted()
        self.inward.take(total([device.inward.rate for device in counted]))
        self.outward.take(total([device.outward.rate for device in counted]))


class Links(Devices):
    """Network devices. What a node says to itself counts for no traffic."""

    def take(self, at: float, stats: pb.NetworkDeviceStats) -> None:
        """The counters of all."""
        self._keep(stat.name for stat in stats.devices)
        for stat in stats.devices:
            link = self.found[stat.name]
            link.take(at, stat.rx_bytes, stat.tx_bytes)
            link.errors = stat.rx_errors + stat.tx_errors
            link.dropped = stat.rx_dropped + stat.tx_dropped
        self._sum()

    def counted(self) -> list[Device]:
        return [link for link in self.found.values() if link.name != _LOOPBACK]


class Disks(Devices):
    """Disks and partitions on which something was read or written. What goes through a partition, or through what is
    made of others, counts for the disk below alone."""

    def take(self, at: float, stats: pb.DiskStats) -> None:
        """The counters of all."""
        real = [stat for stat in stats.devices if not stat.name.startswith(_UNREAL)]
        used = [stat for stat in real if stat.read_completed or stat.write_completed]
        self._keep(stat.name for stat in used)
        for stat in used:
            disk = self.found[stat.name]
            disk.take(at, stat.read_sectors * SECTOR, stat.write_sectors * SECTOR)
            disk.busy.take(at, stat.io_time_ms / 1000)
        self._sum()

    def counted(self) -> list[Device]:
        return [disk for disk in self.found.values() if not self.whole(disk.name) and not disk.name.startswith(_UPON)]

    def whole(self, name: str) -> str:
        """The disk that `name` is a partition of; empty for a disk."""
        head = name.rstrip("0123456789")
        if head == name:
            return ""
        # sda1 is of sda; nvme0n1p1 of nvme0n1: a name that ends in a digit takes a p before the number
        return next((disk for disk in (head, head.removesuffix("p")) if disk in self.found), "")


@dataclass(frozen=True, slots=True)
class Volume:
    """A file system that is mounted, in bytes."""

    source: str
    target: str
    size: int
    available: int

    @property
    def share(self) -> float:
        return (self.size - self.available) / self.size


def volumes(mounts: pb.Mounts) -> list[Volume]:
    """Those on disks, each once however often it is mounted, and in its shortest place."""
    found: dict[tuple[str, int], Volume] = {}
    for stat in sorted(mounts.stats, key=lambda stat: (len(stat.mounted_on), stat.mounted_on)):
        if stat.size and stat.filesystem.startswith("/"):
            volume = Volume(stat.filesystem, stat.mounted_on, stat.size, stat.available)
            found.setdefault((stat.filesystem, stat.size), volume)
    return sorted(found.values(), key=lambda volume: volume.target)
