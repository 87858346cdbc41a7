"""`python -m benchmarks [SUITE ...]`: runs the suites, prints one table, writes all rounds to build/bench.json and what
is kept of them, suite by suite, to docs; with `--base` suites run in two trees by turns. Exit code 1 when a suite
failed, whose lines of an earlier run stay; a missed budget is a figure like any other."""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Final

from benchmarks import base, compare, kept, page
from benchmarks.figures import Figure, labels, table
from benchmarks.run import Run
from core.base.errors import IchorError

# each a module with `figures(run)`, imported when it runs: what one suite loads weighs on no other
SUITES: Final = (
    "image",
    "boot",
    "qemu",
    "imports",
    "audit",
    "recovery",
    "latency",
    "client",
    "memory",
    "cluster",
    "idle",
    "config",
    "reap",
    "ring",
    "verity",
    "netlink",
    "rpc",
    "hops",
    "units",
)
IMAGE: Final = page.ROOT / "_out" / "x86_64"
JSON: Final = page.ROOT / "build" / "bench.json"
# what takes minutes for a few figures: compared only when asked for
SLOW: Final = frozenset({"qemu", "imports", "cluster", "idle"})


def measure(names: Sequence[str], run: Run) -> tuple[dict[str, list[Figure]], dict[str, str]]:
    """The figures of each suite, and why those that failed did."""
    found: dict[str, list[Figure]] = {}
    failures: dict[str, str] = {}
    for name in names:
        run.say(f"suite {name}")
        suite: Callable[[Run], Iterator[Figure]] = import_module(f"benchmarks.{name}").figures
        found[name] = []
        try:
            found[name].extend(suite(run))
        except (IchorError, OSError, subprocess.SubprocessError, AssertionError) as error:
            failures[name] = f"Suite {name} failed: {type(error).__name__}: {error}"
            run.say(failures[name])
    return found, failures


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"all of {' '.join(SUITES)} without one")
    parser.add_argument("--image", type=Path, default=IMAGE, help="the folder of a built image")
    parser.add_argument("--long", action="store_true", help="more rounds; memory after 10 min, idleness over 300 s")
    parser.add_argument("--brief", action="store_true", help="few rounds")
    parser.add_argument("--base", metavar="COMMIT", help=f"beside its tree, by turns; not {' '.join(sorted(SLOW))}")
    parser.add_argument("--json", type=Path, default=JSON, help="where all rounds are written")
    options = parser.parse_args()
    if unknown := sorted(set(options.suites) - set(SUITES)):
        parser.error(f"no suite {', '.join(unknown)}; there are {', '.join(SUITES)}")
    return options


def main() -> int:
    """The program."""
    options = parsed()
    say: Callable[[str], None] = partial(print, file=sys.stderr)
    options.json.parent.mkdir(exist_ok=True)
    if options.base:
        return against(options.base, options.suites or [name for name in SUITES if name not in SLOW], options, say)
    with Run(options.image.absolute(), long=options.long, brief=options.brief, say=say) as run:
        suites, failed = measure(options.suites or SUITES, run)
    figures, failures = [figure for suite in suites.values() for figure in suite], list(failed.values())
    plain = [figure.plain(label) for figure, label in zip(figures, labels(figures), strict=True)]
    write(options.json, {"about": page.about(), "figures": plain, "failures": failures})
    print("\n".join([table(figure.summary(figure.name) for figure in figures), *failures]))
    if not options.brief:
        kept.save({name: suite for name, suite in suites.items() if name not in failed}, SUITES)
    return 1 if failures else 0


def against(commit: str, names: Sequence[str], options: argparse.Namespace, say: Callable[[str], None]) -> int:
    """Compare this tree with another commit's."""
    found, failures = base.measure(commit, names, say, long=options.long)
    pairs = [pair.plain() for pair in found]
    write(options.json, {"about": page.about(), "base": commit, "pairs": pairs, "failures": failures})
    print("\n".join([compare.table(found), *failures]))
    return 1 if failures else 0


def write(path: Path, found: object) -> None:
    """As JSON that one can read."""
    path.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
