"""A node's cgroups on the machine's real hierarchies."""

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.provision import cgroups

GROUP = f"ichor-test/{os.getpid()}/node"
pytestmark = pytest.mark.root


@pytest.fixture
def group() -> Iterator[list[Path]]:
    made = cgroups.make(GROUP)
    yield made
    cgroups.kill(GROUP)
    cgroups.remove(GROUP)


def test_a_process_enters_and_is_killed_with_its_children(group: list[Path]) -> None:
    child = subprocess.Popen(["sleep", "60"])
    for folder in group:
        (folder / "cgroup.procs").write_text(str(child.pid))
    cgroups.kill(GROUP)
    assert child.wait() == -9
    assert not any((folder / "cgroup.procs").read_text() for folder in group)


def test_making_twice_and_removing_twice(group: list[Path]) -> None:
    assert cgroups.make(GROUP) == group
    cgroups.remove(GROUP)
    assert not any(folder.exists() for folder in group)
    assert not any((hierarchy / "ichor-test").exists() for hierarchy in cgroups.hierarchies())
    cgroups.remove(GROUP)


def test_a_parent_in_use_stays_and_one_removed_under_our_feet_is_made_anew(group: list[Path]) -> None:
    def come_and_go(name: str) -> None:
        for _ in range(30):
            assert all(folder.is_dir() for folder in cgroups.make(f"ichor-test/{os.getpid()}.{name}/node"))
            cgroups.remove(f"ichor-test/{os.getpid()}.{name}/node")

    cgroups.remove(GROUP)  # so that nobody holds the parent but those two
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(come_and_go, name) for name in ("a", "b")]:
            done.result()
    cgroups.make(GROUP)
    cgroups.make(other := f"{GROUP}2")
    cgroups.remove(other)
    assert all(folder.exists() for folder in group)
