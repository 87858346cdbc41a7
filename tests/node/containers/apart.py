"""Running a module of this folder as PID 1 of mount, network and pid namespaces of its own, with the image's programs:
all it makes goes with these, except control groups, which `group` takes away."""

import subprocess
import sys
from pathlib import Path

from tests.support.debian import unpacked

ROOT = Path(__file__).parents[3]
PROGRAMS = ("containerd", "runc", "containernetworking-plugins", "libc6", "libseccomp2")
APART = ("unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child", "--propagation", "private")


def alone(module: str, folder: Path, group: str) -> None:
    """Run it with `folder` to work in, below a control group; it must say `ok` last."""
    inside = [sys.executable, "-m", f"tests.node.containers.{module}", str(unpacked(*PROGRAMS)), str(folder), group]
    done = subprocess.run([*APART, *inside], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.endswith("ok\n"), done.stdout + done.stderr
    assert done.returncode == 0, done.stderr
