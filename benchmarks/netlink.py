"""Netlink dumps of many links and routes: ours, a C program that receives and discards, `ip -json`, and pyroute2,
one after the other in the same private namespace. Budgets: our CPU <= 1.3 of the C program, <= 1/20 of pyroute2,
wall <= `ip -json`."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import NamedTuple

from core.linux import link, route
from ext.netlink.socket import Socket

INSIDE = "--inside"
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
        subprocess.run(["gcc", "-O2", "-o", program, "benchmarks/netlink_discard.c"], check=True)
    done = subprocess.run([program, str(message), str(ROUNDS)], stdout=subprocess.PIPE, check=True, text=True)
    cpu, wall = map(float, done.stdout.split())
    return Cost(cpu, wall)


def pyroute2(what: str) -> Cost:
    """Its dump, imported only now so that it weighs on nobody else."""
    from pyroute2 import IPRoute

    with IPRoute() as route2:
        return measured(lambda: list(getattr(route2, f"get_{what}")()), rounds=1)


def table(title: str, ours: Cost, floor: Cost, ip: Cost, other: Cost, touched: Cost) -> None:
    """Print one comparison."""
    print(f"\n{title}")
    rows = {
        "ours, compact": ours,
        "ours, every row read": touched,
        "C, discards": floor,
        "ip -json": ip,
        "pyroute2": other,
    }
    for name, cost in rows.items():
        print(f"  {name:22}{cost.cpu * 1000:10.2f} ms CPU{cost.wall * 1000:10.2f} ms wall")
    share, less = ours.cpu / max(floor.cpu, 1e-6), other.cpu / max(ours.cpu, 1e-6)
    print(f"  CPU: {share:.2f} of C (budget 1.3), 1/{less:.0f} of pyroute2 (budget 1/20)")
    print(f"  wall: {ours.wall / ip.wall:.2f} of ip (budget 1.0)")


def inside() -> None:
    """Fill this namespace and measure."""
    with Socket() as socket, tempfile.TemporaryDirectory() as folder:
        for n in range(PAIRS):
            link.create_veth(socket, f"a{n}", f"b{n}")
        many = link.links(socket)
        print(f"{len(many)} links, {many.nbytes // 1024} KiB of records")
        floor = discard(Path(folder), 18)
        ours = measured(lambda: link.links(socket))
        rows = measured(lambda: list(link.links(socket)))
        table(f"{PAIRS} veth pairs", ours, floor, child("ip", "-json", "link"), pyroute2("links"), rows)
        index = link.find(socket, "a0").ifindex
        for name in ("a0", "b0"):
            link.configure(socket, link.find(socket, name).ifindex, up=True)
        for n in range(ROUTES):
            target = ip_network((0x0B000000 + (n << 4), 28))
            route.add(socket, route.Entry(target, index, scope=route.SCOPE_LINK))
        floor = discard(Path(folder), 26)
        ours = measured(lambda: route.routes(socket))
        rows = measured(lambda: list(route.routes(socket)), rounds=2)
        ip = child("ip", "-json", "route", "show", "table", "all")
        table(f"{ROUTES} routes", ours, floor, ip, pyroute2("routes"), rows)


def main() -> None:
    """Measure in a network namespace of its own."""
    subprocess.run(["unshare", "--net", sys.executable, "-m", "benchmarks.netlink", INSIDE], check=True)


if __name__ == "__main__":
    inside() if INSIDE in sys.argv else main()
