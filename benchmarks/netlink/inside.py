"""`python -m benchmarks.netlink.inside ROUNDS`, in a network namespace of its own: fills it, measures everybody in
turns and prints the costs of each round as JSON."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from ipaddress import ip_network
from itertools import count
from pathlib import Path
from struct import Struct
from typing import Final

from benchmarks import page
from benchmarks.netlink import NEIGHBORS, PAIRS, ROUTES
from benchmarks.netlink.cost import Cost, child, measured
from benchmarks.netlink.storm import LISTENERS, heard
from core.linux import link, route
from core.linux.rtattr import CREATE, attr
from ext.netlink.socket import Socket

# a round's cost is the least of some runs, where one takes milliseconds
TIMES: Final = 7
_NEW_NEIGHBOR: Final = 28
_PERMANENT: Final = 0x80
_NEIGHBOR: Final = Struct("=B3xiHBB")

Contenders = Mapping[str, Callable[[], Cost]]


def turns(rounds: int, contenders: Contenders) -> dict[str, list[Cost]]:
    """All of them one after the other, round by round; pyroute2, which takes its time, in every other one."""
    costs: dict[str, list[Cost]] = {name: [] for name in contenders}
    for number in range(rounds):
        for name, measure in contenders.items():
            if name != "pyroute2" or number % 2 == 0:
                costs[name].append(measure())
    return costs


def dumpers(rtnl: Socket, program: Path, what: str, request: int) -> Contenders:
    """Who dumps links, routes or neighbours, whose request has that number."""
    dumps: dict[str, Callable[[Socket], Iterable[object]]] = {
        "links": link.links,
        "routes": route.routes,
        "neighbors": route.neighbors,
    }
    shown = {
        "links": ["link"],
        "routes": ["route", "show", "table", "all"],
        "neighbors": ["neigh", "show", "nud", "all"],
    }
    dump, theirs = dumps[what], what.replace("neighbors", "neighbours")
    return {
        "C": lambda: _discard(program, request),
        "ours": lambda: measured(lambda: dump(rtnl), TIMES),
        "rows": lambda: measured(lambda: list(dump(rtnl)), 3),
        "ip": lambda: child("ip", "-json", *shown[what]),
        "pyroute2": lambda: _pyroute2(f"get_{theirs}"),
    }


def _discard(program: Path, request: int) -> Cost:
    """The C program's own figures."""
    done = subprocess.run([program, "dump", str(request), str(TIMES)], stdout=subprocess.PIPE, check=True, text=True)
    cpu, wall = map(float, done.stdout.split())
    return Cost(cpu, wall)


def _pyroute2(method: str) -> Cost:
    """Its dump, imported only now so that it weighs on nobody before."""
    from pyroute2 import IPRoute

    with IPRoute() as route2:
        return measured(lambda: list(getattr(route2, method)()), 1)


def fill_pairs(rtnl: Socket) -> None:
    """Cables; the first is up."""
    for n in range(PAIRS):
        link.create_veth(rtnl, f"a{n}", f"b{n}")
    for name in ("a0", "b0"):
        link.configure(rtnl, link.find(rtnl, name).ifindex, up=True)


def fill_neighbors(rtnl: Socket, index: int) -> None:
    """Neighbours for good, which the kernel's limits on their number pass over."""
    addresses = ((0x0D000000 + n).to_bytes(4, "big") for n in range(NEIGHBORS))
    head = _NEIGHBOR.pack(2, index, _PERMANENT, 0, 0)
    entries = (head + attr(1, address) + attr(2, b"\2\0" + address) for address in addresses)
    _all_done(rtnl.requests((_NEW_NEIGHBOR, CREATE, entry) for entry in entries))


def fill_routes(rtnl: Socket, index: int) -> None:
    """Routes that differ in their prefix alone."""
    targets = (ip_network((0x0B000000 + (n << 4), 28)) for n in range(ROUTES))
    entries = (route.Entry(target, index, scope=route.SCOPE_LINK) for target in targets)
    _all_done(rtnl.requests(map(route.addition, entries)))


def _all_done(answers: Iterable[OSError | None]) -> None:
    for refused in answers:
        if refused is not None:
            raise refused


def main() -> None:
    """The program."""
    rounds = int(sys.argv[1])
    with Socket() as rtnl, tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "discard"
        subprocess.run(["gcc", "-O2", "-o", program, page.ROOT / "benchmarks/netlink/discard.c"], check=True)
        found = {}
        fill_pairs(rtnl)
        found["links"] = turns(rounds, dumpers(rtnl, program, "links", 18))
        index = link.find(rtnl, "a0").ifindex
        fill_neighbors(rtnl, index)
        found["neighbors"] = turns(rounds, dumpers(rtnl, program, "neighbors", 30))
        fill_routes(rtnl, index)
        found["routes"] = turns(rounds, dumpers(rtnl, program, "routes", 26))
        mtus = count(1400)
        found["storm"] = turns(rounds, {who: partial(heard, rtnl, index, mtus, who, program) for who in LISTENERS})
        print(json.dumps(found))


if __name__ == "__main__":
    main()
