"""Storms of exits in a node: orphans of its PID 1 that end all at once, when told to."""

import fcntl
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.support.pid1 import BUILT, CHECKOUT, WARNINGS, Node

_SOURCE: Final = CHECKOUT / "benchmarks/reap_storm.c"


class Storm:
    """`count` orphans, waiting."""

    def __init__(self, process: "subprocess.Popen[bytes]", count: int) -> None:
        self._process, self.count = process, count

    def release(self) -> None:
        """Let them end; returns when all have, though perhaps nobody has reaped them."""
        self._process.communicate(b"\n", timeout=60)  # each holds what its starter writes to, so its end is theirs


def expected(pid: int) -> int:
    """The status, as waitpid gives it, of the orphan of that number."""
    return int(signal.SIGKILL) if pid % 10 == 9 else pid % 200 << 8


@contextmanager
def storm(node: Node, count: int) -> Iterator[Storm]:
    """`count` orphans of the node's PID 1."""
    command = ["nsenter", "-t", str(node.pid), "-p", "-m", "--", str(_program()), str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(b"\n")
            process.stdin.flush()
            assert process.stdout.readline() == b"ready\n"
            yield Storm(process, count)
        finally:
            process.kill()


def _program() -> Path:
    """Compiled when its source is newer; safe among parallel test runs."""
    BUILT.mkdir(parents=True, exist_ok=True)
    target = BUILT / "storm"
    with (BUILT / "storm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists() or target.stat().st_mtime < _SOURCE.stat().st_mtime:
            subprocess.run(["gcc", *WARNINGS, "-static", "-o", f"{target}.new", _SOURCE], check=True, timeout=60)
            Path(f"{target}.new").replace(target)
    return target
