"""`ichorctl version` as its user waits for it: a process, a handshake, a call. Warm: its files are in memory, and its
code is compiled, as after the first use of what is installed."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import Figure
from benchmarks.run import Run


def figures(run: Run) -> Iterator[Figure]:
    """Beside it what the interpreter alone takes to start."""
    command = [str(Path(sys.executable).with_name("ichorctl")), "version", "--talosconfig", str(run.node.talosconfig)]
    rounds = run.rounds(15, 50)
    with TemporaryDirectory() as compiled:
        took(command, compiled)
        bare = [took([sys.executable, "-c", ""], compiled) for _ in range(rounds)]
        values = [took(command, compiled) for _ in range(rounds)]
    yield Figure("ichorctl version", "ms", values, 150, 80, ("python -c ''", bare))


def took(command: list[str], compiled: str) -> float:
    """Milliseconds of a process that must succeed, with a folder for compiled code, whatever is usual here."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = compiled
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return (time.perf_counter() - start) * 1e3
