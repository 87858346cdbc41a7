"""The client against the image's own containerd, runc and CNI plugins, in mount, network and pid namespaces apart:
all they make goes with these, except control groups, which are taken away here."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.linux.cgroup import Tree
from tests.support.debian import unpacked

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")
ROOT = Path(__file__).parents[3]


@pytest.fixture
def group() -> Iterator[str]:
    name = f"ichor-test-{uuid.uuid4().hex[:8]}"
    tree = Tree.detect()
    tree.make(name)
    yield name
    tree.kill(name)
    tree.remove(name)


def test_an_image_made_by_hand_runs_on_a_network_with_a_port(tmp_path: Path, group: str) -> None:
    programs = unpacked("containerd", "runc", "containernetworking-plugins", "libc6", "libseccomp2")
    apart = [
        "unshare",
        "--mount",
        "--net",
        "--pid",
        "--fork",
        "--mount-proc",
        "--kill-child",
        "--propagation",
        "private",
    ]
    inside = [sys.executable, "-m", "tests.node.containers.inside", str(programs), str(tmp_path), group]
    done = subprocess.run([*apart, *inside], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.endswith("ok\n"), done.stdout + done.stderr
    assert done.returncode == 0, done.stderr
