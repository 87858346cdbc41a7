"""Loop devices for tests: a sparse file as a disk that takes partitions; detached whatever happens."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def loop(file: Path, size: int = 0) -> Iterator[Path]:
    """The device over `file`, which is made (sparse) when `size` is given."""
    if os.geteuid():
        pytest.skip("loop devices need root")
    if size:
        with file.open("wb") as made:
            made.truncate(size)
    device = _losetup("--find", "--show", "--partscan", str(file))
    try:
        yield Path(device)
    finally:
        _losetup("--detach", device)


def resize(device: Path, file: Path, size: int) -> None:
    """Let the disk be larger, as a hypervisor does it."""
    os.truncate(file, size)
    _losetup("--set-capacity", str(device))


def run(*command: str | Path) -> str:
    """A tool's output; raises CalledProcessError with what it said."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise AssertionError(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


def _losetup(*args: str) -> str:
    return run("losetup", *args).strip()
