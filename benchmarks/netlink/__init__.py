"""Netlink dumps of many links, neighbours and routes, and a storm of changes: ours beside a C program that receives and
discards, ip(8) and pyroute2, in turns, in a network namespace of its own that ends with the suite."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from benchmarks.figures import Figure
from benchmarks.netlink.cost import Cost
from benchmarks.run import Run

PAIRS, NEIGHBORS, ROUTES = 500, 10_000, 100_000
LIMIT: Final = 900.0  # seconds; it takes one to two minutes
TITLES: Final = {
    "links": f"dump of {PAIRS} veth pairs",
    "neighbors": f"dump of {NEIGHBORS // 1000}k neighbours",
    "routes": f"dump of {ROUTES // 1000}k routes",
    "storm": "storm of 10k changes",
}


def figures(run: Run) -> Iterator[Figure]:
    """CPU (user and system) and wall time, each beside who it is judged by."""
    # nothing of it outlives us
    apart = ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--pid", "--mount-proc", "--kill-child"]
    inside = [*apart, sys.executable, "-m", "benchmarks.netlink.inside", str(run.rounds(5, 11))]
    found = json.loads(subprocess.run(inside, check=True, stdout=subprocess.PIPE, timeout=LIMIT).stdout)
    for what, title in TITLES.items():
        yield from _lines(title, {name: [Cost(*pair) for pair in costs] for name, costs in found[what].items()})


def _lines(title: str, costs: Mapping[str, Sequence[Cost]]) -> Iterator[Figure]:
    cpu = {name: [cost.cpu * 1e3 for cost in each] for name, each in costs.items()}
    wall = {name: [cost.wall * 1e3 for cost in each] for name, each in costs.items()}
    floor, other = ("C, discards", cpu["C"]), ("pyroute2", cpu["pyroute2"])
    yield Figure(title, "ms CPU", cpu["ours"], peer=floor, ratio_budget=1.3)
    yield Figure("- against", "ms CPU", cpu["ours"], peer=other, ratio_budget=0.05)
    yield Figure("- and every row read", "ms CPU", cpu["rows"], peer=other)
    yield Figure("- wall", "ms", wall["ours"], peer=("ip", wall["ip"]), ratio_budget=1.0)
