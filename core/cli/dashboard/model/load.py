"""How busy a node is: processors, memory, load. Shares are 0 to 1."""

from dataclasses import dataclass, field

from core.cli.dashboard.model.rates import Series
from core.rpc.pb.machine import machine_pb2 as pb


@dataclass(frozen=True, slots=True)
class _Times:
    """Seconds of a processor's time since boot. What guests used is in user and nice already."""

    busy: float
    whole: float

    @classmethod
    def of(cls, stat: pb.CPUStat) -> "_Times":
        busy = stat.user + stat.nice + stat.system + stat.irq + stat.soft_irq + stat.steal
        return cls(busy, busy + stat.idle + stat.iowait)

    def share_since(self, before: "_Times | None") -> float | None:
        """How much of the time since then it was busy: of the node's own clock, so no delay on the way bends it."""
        if before is None or self.whole <= before.whole:
            return None
        return min(1.0, max(0.0, (self.busy - before.busy) / (self.whole - before.whole)))


@dataclass(slots=True)
class Processors:
    """How busy the processors are, together and each."""

    history: Series = field(default_factory=Series)
    each: list[float | None] = field(default_factory=list)
    uptime: float | None = None  # seconds; of the processors' counters, so that nobody's wall clock matters
    _before: list[_Times] = field(default_factory=list)

    def take(self, stat: pb.SystemStat) -> None:
        """What the kernel counts."""
        now = [_Times.of(one) for one in (stat.cpu_total, *stat.cpu)]
        known = len(self._before) == len(now)  # a processor that came or went moves the others
        shares = [times.share_since(self._before[n] if known else None) for n, times in enumerate(now)]
        self._before = now
        self.history.take(shares[0])
        self.each = shares[1:]
        self.uptime = now[0].whole / len(stat.cpu) if stat.cpu else None


@dataclass(slots=True)
class Memory:
    """How memory is used, in bytes. `used` is what is neither free nor given back on demand."""

    history: Series = field(default_factory=Series)
    whole: int = 0
    available: int = 0
    cache: int = 0
    swap: int = 0
    swap_used: int = 0

    def take(self, info: pb.MemInfo) -> None:
        """What the kernel tells, in KiB."""
        self.whole, self.available = info.memtotal << 10, info.memavailable << 10
        self.cache = info.buffers + info.cached + info.sreclaimable << 10
        self.swap, self.swap_used = info.swaptotal << 10, info.swaptotal - info.swapfree << 10
        self.history.take(self.used / self.whole if self.whole else None)

    @property
    def used(self) -> int:
        return self.whole - self.available


@dataclass(slots=True)
class Load:
    """How many processes ran or waited for a disk, over 1, 5 and 15 minutes."""

    averages: tuple[float, float, float] | None = None

    def take(self, load: pb.LoadAvg) -> None:
        """What the kernel tells."""
        self.averages = (load.load1, load.load5, load.load15)
