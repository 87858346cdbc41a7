"""What the kernel counts, from /proc, under the names that node_exporter gave these things: dashboards and alarms know
them. A table that this kernel does not have is left out."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from core.codec.openmetrics import Family
from core.linux import proc
from core.linux.proc import PROC, TICKS

_MODES: Final = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
_STAT: Final = {
    "btime": ("node_boot_time_seconds", "gauge", "When the kernel started, Unix time."),
    "ctxt": ("node_context_switches", "counter", "Context switches."),
    "intr": ("node_intr", "counter", "Interrupts."),
    "processes": ("node_forks", "counter", "Processes and threads that were started."),
    "procs_running": ("node_procs_running", "gauge", "Threads that run or could."),
    "procs_blocked": ("node_procs_blocked", "gauge", "Threads that wait for a disk."),
}
_SECTOR: Final = 512
_MILLI, _MICRO = 1e-3, 1e-6
# column of /proc/diskstats behind the name, kind, factor: Documentation/admin-guide/iostats.rst
_DISKS: Final = {
    "node_disk_reads_completed": (0, "counter", 1, "Reads completed."),
    "node_disk_read_bytes": (2, "counter", _SECTOR, "Bytes read."),
    "node_disk_read_time_seconds": (3, "counter", _MILLI, "Time spent by all reads."),
    "node_disk_writes_completed": (4, "counter", 1, "Writes completed."),
    "node_disk_written_bytes": (6, "counter", _SECTOR, "Bytes written."),
    "node_disk_write_time_seconds": (7, "counter", _MILLI, "Time spent by all writes."),
    "node_disk_io_now": (8, "gauge", 1, "Reads and writes under way."),
    "node_disk_io_time_seconds": (9, "counter", _MILLI, "Time with reads or writes under way."),
}
_MEMORY_DISKS: Final = ("loop", "ram", "zram")
_LINK: Final = ("bytes", "packets", "errs", "drop", "fifo", "frame", "compressed", "multicast")
_SENT: Final = ("bytes", "packets", "errs", "drop", "fifo", "colls", "carrier", "compressed")
_PRESSURE: Final = {"some": "waiting", "full": "stalled"}


def families(root: Path = PROC) -> list[Family]:
    """All of them, with what they are now."""
    found: list[Family] = []
    for table, read in _TABLES.items():
        try:
            text = proc.text(table, root)
        except OSError:  # not there (no PSI in this kernel), or not to be read (PSI that is switched off)
            continue
        found.extend(read(text))
    return found


def _stat(text: str) -> Iterator[Family]:
    times = Family("node_cpu_seconds", "counter", "What processors did, and for how long.")
    for name, *values in proc.rows(text):
        if name.startswith("cpu") and name != "cpu":
            for mode, ticks in zip(_MODES, values, strict=False):
                times.add(int(ticks) / TICKS, cpu=name[3:], mode=mode)
        elif name in _STAT:
            yield Family(*_STAT[name]).add(int(values[0]))
    yield times


def _meminfo(text: str) -> Iterator[Family]:
    for key, value in proc.pairs(text):
        number, *unit = value.split()
        name = "node_memory_" + key.replace("(", "_").replace(")", "") + ("_bytes" if unit else "")
        yield Family(name, "gauge", f"{key} of /proc/meminfo.").add(int(number) * (1024 if unit else 1))


def _loadavg(text: str) -> Iterator[Family]:
    for minutes, value in zip((1, 5, 15), text.split(), strict=False):
        yield Family(f"node_load{minutes}", "gauge", f"Threads that run or could, mean of {minutes} min.").add(
            float(value)
        )


def _pressure(what: str) -> Callable[[str], Iterator[Family]]:
    def read(text: str) -> Iterator[Family]:
        """Lines such as "some avg10=0.00 avg60=0.00 avg300=0.00 total=0": Documentation/accounting/psi.rst."""
        for share, *fields in proc.rows(text):
            if what == "cpu" and share == "full":
                continue  # means nothing for a whole machine
            how = _PRESSURE[share]
            family = Family(f"node_pressure_{what}_{how}_seconds", "counter", f"Time in which threads were {how}.")
            yield family.add(_scaled(fields[-1].partition("=")[2], _MICRO))

    return read


def _diskstats(text: str) -> Iterator[Family]:
    rows = [row for row in proc.rows(text) if not row[2].startswith(_MEMORY_DISKS)]
    for name, (column, kind, factor, meaning) in _DISKS.items():
        family = Family(name, kind, meaning)
        for row in rows:
            family.add(_scaled(row[3 + column], factor), device=row[2])
        yield family


def _netdev(text: str) -> Iterator[Family]:
    links = [(name, values.split()) for name, values in list(proc.pairs(text))[2:]]  # behind two lines of headings
    for offset, way, columns in ((0, "receive", _LINK), (len(_LINK), "transmit", _SENT)):
        for index, column in enumerate(columns):
            family = Family(f"node_network_{way}_{column}", "counter", f"Column {way} {column} of /proc/net/dev.")
            for name, values in links:
                family.add(int(values[offset + index]), device=name)
            yield family


def _scaled(number: str, factor: float) -> float:
    """In other units, without what binary fractions add."""
    return round(int(number) * factor, 6)


def _uptime(text: str) -> Iterator[Family]:
    yield Family("ichor_uptime_seconds", "gauge", "Time since the kernel started.").add(float(text.split()[0]))


_TABLES: Final[dict[str, Callable[[str], Iterator[Family]]]] = {
    "stat": _stat,
    "meminfo": _meminfo,
    "loadavg": _loadavg,
    "pressure/cpu": _pressure("cpu"),
    "pressure/io": _pressure("io"),
    "pressure/memory": _pressure("memory"),
    "diskstats": _diskstats,
    "net/dev": _netdev,
    "uptime": _uptime,
}
