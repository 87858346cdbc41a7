"""What a native unit weighs alone: a fresh interpreter that imports it and ends, beside one that imports nothing. Wall
time of the whole process and its resident memory at the end, in turns."""

import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from typing import Final

from benchmarks import page
from benchmarks.figures import Figure
from benchmarks.run import Run

# what a user of the unit imports
UNITS: Final = {
    "sys": ("ext.sys",),
    "reap": ("ext.reap",),
    "ring": ("ext.ring",),
    "netlink": ("ext.netlink.socket",),
    "verity": ("ext.verity",),
    "http2": ("ext.http2.framing", "ext.http2.session", "ext.http2.tls", "ext.http2.connection"),
}
EMPTY: Final = "empty interpreter"
# exact, as statm and ru_maxrss are not: they count by guess, or what the parent had before exec
PROGRAM: Final = """
import sys
sys.path[:0] = sys.argv[1:3]
for name in sys.argv[3:]:
    __import__(name)
print(next(line for line in open("/proc/self/smaps_rollup") if line.startswith("Rss:")).split()[1])
"""


def figures(run: Run) -> Iterator[Figure]:
    """Two lines for each unit."""
    names = {EMPTY: (), **UNITS}
    for modules in names.values():
        weigh(modules)  # its files are in memory from now on
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for _ in range(run.rounds(15, 50)):
        for name, modules in names.items():
            rounds[name].append(weigh(modules))
    wall, memory = ({name: [pair[at] for pair in rounds[name]] for name in names} for at in (0, 1))
    for name in UNITS:
        yield Figure(f"unit {name}: imported alone", "ms", wall[name], peer=(EMPTY, wall[EMPTY]))
        yield Figure("- memory", "MB RSS", memory[name], peer=(EMPTY, memory[EMPTY]))


def weigh(modules: tuple[str, ...]) -> tuple[float, float]:
    """Milliseconds and MB of a process that imports them."""
    places = (str(page.ROOT), sysconfig.get_path("platlib"))
    command = [sys.executable, "-I", "-S", "-c", PROGRAM, *places, *modules]
    start = time.perf_counter()
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return (time.perf_counter() - start) * 1e3, int(said) / 1024
