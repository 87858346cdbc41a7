"""`ichorctl version` as its user waits for it: a process, a handshake, a call. Warm: its files are in memory."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.run import Run


def figures(run: Run) -> Iterator[Figure]:
    """Beside it what the interpreter alone takes to start."""
    command = [str(Path(sys.executable).with_name("ichorctl")), "version", "--talosconfig", str(run.node.talosconfig)]
    took(command)
    rounds = run.rounds(15, 50)
    bare = [took([sys.executable, "-c", ""]) for _ in range(rounds)]
    yield Figure("ichorctl version", "ms", [took(command) for _ in range(rounds)], 150, 80, ("python -c ''", bare))


def took(command: list[str]) -> float:
    """Milliseconds of a process that must succeed."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - start) * 1e3
