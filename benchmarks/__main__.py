"""`python -m benchmarks [SUITE ...]`: runs the suites, prints one table, writes all rounds to build/bench.json. A run
of all suites also replaces its section of docs/results.md. Exit code 1 when a suite failed; a missed budget is a
figure like any other."""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Final

from benchmarks import page
from benchmarks.figures import Figure, table
from benchmarks.run import Run
from core.base.errors import IchorError

# each a module with `figures(run)`, imported when it runs: what one suite loads weighs on no other
SUITES: Final = (
    "image",
    "boot",
    "qemu",
    "imports",
    "recovery",
    "latency",
    "client",
    "memory",
    "idle",
    "config",
    "ring",
    "verity",
    "netlink",
    "rpc",
    "units",
)
IMAGE: Final = page.ROOT / "_out" / "x86_64"
JSON: Final = page.ROOT / "build" / "bench.json"
RESULTS: Final = page.ROOT / "docs" / "results.md"


def measure(names: Sequence[str], run: Run) -> tuple[list[Figure], list[str]]:
    """The figures of the suites in order, and why those that failed did."""
    found: list[Figure] = []
    failures: list[str] = []
    for name in names:
        run.say(f"suite {name}")
        suite: Callable[[Run], Iterator[Figure]] = import_module(f"benchmarks.{name}").figures
        try:
            found.extend(suite(run))
        except (IchorError, OSError, subprocess.SubprocessError) as error:
            failures.append(f"Suite {name} failed: {type(error).__name__}: {error}")
            run.say(failures[-1])
    return found, failures


def main() -> int:
    """The program."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"all of {' '.join(SUITES)} without one")
    parser.add_argument("--image", type=Path, default=IMAGE, help="the folder of a built image")
    parser.add_argument("--long", action="store_true", help="more rounds; memory after 10 min, idleness over 300 s")
    options = parser.parse_args()
    if unknown := sorted(set(options.suites) - set(SUITES)):
        parser.error(f"no suite {', '.join(unknown)}; there are {', '.join(SUITES)}")
    with Run(options.image.absolute(), long=options.long, say=partial(print, file=sys.stderr)) as run:
        figures, failures = measure(options.suites or SUITES, run)
    JSON.parent.mkdir(exist_ok=True)
    JSON.write_text(json.dumps({"about": page.about(), "figures": [f.plain() for f in figures]}, indent=1) + "\n")
    rows = table(figures)
    print("\n".join([rows, *failures]))
    if not options.suites:
        page.replace(RESULTS, "Benchmarks", rows, failures)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
