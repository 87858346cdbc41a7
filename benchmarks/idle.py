"""How often our processes wake when nobody asks anything: context switches of all their threads, and CPU time."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.figures import Figure
from benchmarks.run import Run

SECONDS, LONG_SECONDS = 60, 300
SETTLE_SECONDS: Final = 10
TICKS: Final = os.sysconf("SC_CLK_TCK")


def figures(run: Run) -> Iterator[Figure]:
    """All, then each process."""
    pids = run.node.ours()
    time.sleep(SETTLE_SECONDS)
    seconds = LONG_SECONDS if run.long else SECONDS
    before = {name: _counted(pid) for name, pid in pids.items()}
    time.sleep(seconds)
    spent = {name: _counted(pid) - before[name] for name, pid in pids.items()}
    yield Figure("idle, context switches", "/s", [sum(s["switches"] for s in spent.values()) / seconds], 2, 0.5)
    yield Figure("- CPU", "ms/s", [sum(s["ticks"] for s in spent.values()) / TICKS / seconds * 1e3])
    for name, counts in spent.items():
        yield Figure(f"- {name}", "/s", [counts["switches"] / seconds])


def _counted(pid: int) -> Counter[str]:
    """Since it began: its threads' switches, voluntary or not, and its ticks of CPU (proc_pid_stat(5))."""
    counts = Counter[str]()
    for task in Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if "ctxt_switches" in line:
                counts["switches"] += int(line.split()[1])
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    counts["ticks"] = int(fields[11]) + int(fields[12])
    return counts
