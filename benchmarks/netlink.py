"""Netlink dumps of many links and routes: ours, a C program that receives and discards, `ip -json`, and pyroute2,
one after the other in a process in a network namespace of its own, which prints the costs as JSON."""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import NamedTuple

from benchmarks import page
from benchmarks.figures import Figure
from benchmarks.run import Run
from core.linux import link, route
from ext.netlink.socket import Socket

PAIRS, ROUTES, ROUNDS = 500, 100_000, 25


class Cost(NamedTuple):
    """Seconds of the fastest round."""

    cpu: float
    wall: float


def measured(work: Callable[[], object], rounds: int = ROUNDS) -> Cost:
    """The fastest of some rounds, in this process."""
    costs = []
    for _ in range(rounds):
        before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        work()
        wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
        costs.append(Cost(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall))
    return Cost(min(c.cpu for c in costs), min(c.wall for c in costs))


def child(*argv: str) -> Cost:
    """A program's cost with its start and its output, which goes nowhere."""
    costs = []
    for _ in range(3):
        began = time.perf_counter()
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0
        costs.append(Cost(used.ru_utime + used.ru_stime, time.perf_counter() - began))
    return Cost(min(c.cpu for c in costs), min(c.wall for c in costs))


def discard(folder: Path, message: int) -> Cost:
    """The C program's own figures."""
    program = folder / "discard"
    if not program.exists():
        subprocess.run(["gcc", "-O2", "-o", program, page.ROOT / "benchmarks/netlink_discard.c"], check=True)
    done = subprocess.run([program, str(message), str(ROUNDS)], stdout=subprocess.PIPE, check=True, text=True)
    cpu, wall = map(float, done.stdout.split())
    return Cost(cpu, wall)


def pyroute2(what: str) -> Cost:
    """Its dump, imported only now so that it weighs on nobody else."""
    from pyroute2 import IPRoute

    with IPRoute() as route2:
        return measured(lambda: list(getattr(route2, f"get_{what}")()), rounds=1)


def figures(run: Run) -> Iterator[Figure]:
    """The fastest rounds' CPU (user and system) and wall time, each beside who it is judged by."""
    inside = ["unshare", "--net", sys.executable, "-m", "benchmarks.netlink"]
    measured = json.loads(subprocess.run(inside, check=True, stdout=subprocess.PIPE).stdout)
    for what, costs in measured.items():
        cost = {name: Cost(*pair) for name, pair in costs.items()}
        ours = [cost["ours"].cpu * 1e3]
        floor, other = ("C, discards", [cost["C"].cpu * 1e3]), ("pyroute2", [cost["pyroute2"].cpu * 1e3])
        yield Figure(f"dump of {what}, CPU", "ms", ours, peer=floor, ratio_budget=1.3)
        yield Figure("- the same", "ms", ours, peer=other, ratio_budget=0.05)
        yield Figure("- and every row read", "ms", [cost["rows"].cpu * 1e3], peer=other)
        ip = ("ip -json", [cost["ip"].wall * 1e3])
        yield Figure("- wall", "ms", [cost["ours"].wall * 1e3], peer=ip, ratio_budget=1.0)


def compare(socket: Socket, folder: Path, message: int, what: str) -> dict[str, Cost]:
    """The costs of dumping what is there; `message` is the request's type."""
    dump: Callable[[Socket], Iterable[object]] = link.links if what == "links" else route.routes
    shown = ("link",) if what == "links" else ("route", "show", "table", "all")
    return {
        "C": discard(folder, message),
        "ours": measured(lambda: dump(socket)),
        "rows": measured(lambda: list(dump(socket)), rounds=3),
        "ip": child("ip", "-json", *shown),
        "pyroute2": pyroute2(what),
    }


def main() -> None:
    """Fill this namespace and measure."""
    with Socket() as socket, tempfile.TemporaryDirectory() as folder:
        for n in range(PAIRS):
            link.create_veth(socket, f"a{n}", f"b{n}")
        found = {f"{PAIRS} veth pairs": compare(socket, Path(folder), 18, "links")}
        index = link.find(socket, "a0").ifindex
        for name in ("a0", "b0"):
            link.configure(socket, link.find(socket, name).ifindex, up=True)
        for n in range(ROUTES):
            target = ip_network((0x0B000000 + (n << 4), 28))
            route.add(socket, route.Entry(target, index, scope=route.SCOPE_LINK))
        found[f"{ROUTES // 1000}k routes"] = compare(socket, Path(folder), 26, "routes")
        print(json.dumps(found))


if __name__ == "__main__":
    main()
