"""Running a program of the build: its output is shown when it fails and at no other time."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.base.errors import IchorError


class ToolFailed(IchorError):
    """A program of the build ended with an error; the message ends with what it said."""


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    data: bytes | None = None,
) -> bytes:
    """The program's standard output. Raises ToolFailed."""
    done = subprocess.run(argv, cwd=cwd, env=env, input=data, capture_output=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise ToolFailed(f"{Path(argv[0]).name} ended with status {done.returncode}:\n{said[-4000:]}")
    return done.stdout
