"""A subscriber to IPv4 routes in a process of its own: `python -m benchmarks.netlink.listen ours|rows|pyroute2 COUNT`
prints the CPU time that so many changes took it."""

import select
import sys
from collections.abc import Callable, Sized

from benchmarks.netlink.cost import used
from core.linux import route
from ext.netlink.socket import Monitor


def listen(count: int, read: Callable[[], Sized]) -> float:
    """Read until that many came."""
    before = used()
    while count > 0:
        count -= len(read())
    return used() - before


def ours(monitor: Monitor, *, rows: bool) -> Sized:
    """Wait and take what came, as records or as Python objects."""
    select.select([monitor], [], [])
    changes = monitor.changes()
    return list(changes) if rows else changes


def main() -> None:
    """The program."""
    who, count = sys.argv[1], int(sys.argv[2])
    if who == "pyroute2":
        from pyroute2 import IPRoute  # only now, so that it weighs on nobody else

        with IPRoute() as route2:
            route2.bind(groups=1 << route.GROUPS[0] - 1)
            print(listen(count, lambda: list(route2.get())))
    else:
        with Monitor(route.GROUPS[:1]) as monitor:
            print(listen(count, lambda: ours(monitor, rows=who == "rows")))


if __name__ == "__main__":
    main()
