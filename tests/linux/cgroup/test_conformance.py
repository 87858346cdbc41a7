"""One suite for both kinds of cgroup set-up, on the kernel's own hierarchies."""

import asyncio
import os
import signal
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from core.base.errors import Invalid, Unsupported
from core.linux.cgroup import Limits, Tree
from core.linux.cgroup.limits import shares, weight

ROOT = Path("/sys/fs/cgroup")
TREES = [root for root in (ROOT, ROOT / "unified") if (root / "cgroup.procs").exists() or (root / "unified").exists()]
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="making groups needs root")


class Scratch:
    """A tree and a group of it that leaves nothing behind."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tree = Tree.detect(root)
        self.path = f"ichor-test-{uuid.uuid4().hex[:8]}"
        self.children: list[int] = []

    def child(self, group: str, forks: int = 0) -> int:
        """A process that sits in the group, with `forks` more below it."""
        ready, done = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                self.tree.attach(group, os.getpid())
                for _ in range(forks):
                    os.fork()
                os.write(done, b"x")
                signal.pause()
            finally:
                os._exit(1)
        self.children.append(pid)
        for _ in range(2**forks):
            os.read(ready, 1)
        os.close(ready)
        os.close(done)
        return pid

    def close(self) -> None:
        """Kill, reap, remove."""
        self.tree.kill(self.path)
        for pid in self.children:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)

        async def gone() -> None:
            async with asyncio.timeout(10):
                await self.tree.emptied(self.path)

        asyncio.run(gone())
        self.tree.remove(self.path)


@pytest.fixture(params=TREES, ids=lambda root: Tree.detect(root).kind)
def scratch(request: pytest.FixtureRequest) -> Iterator[Scratch]:
    made = Scratch(request.param)
    yield made
    made.close()


def test_a_group_exists_everywhere_or_nowhere(scratch: Scratch) -> None:
    tree, path = scratch.tree, f"{scratch.path}/system/runtime"
    tree.make(path)
    tree.make(path)
    assert all(folder.is_dir() for folder in tree.folders(path))
    tree.remove(scratch.path)
    tree.remove(scratch.path)
    assert not any(folder.exists() for folder in tree.folders(scratch.path))


def test_a_process_moves_in_every_hierarchy(scratch: Scratch) -> None:
    tree, path = scratch.tree, f"{scratch.path}/inner"
    tree.make(path)
    assert not tree.populated(scratch.path)
    pid = scratch.child(path)
    assert tree.pids(scratch.path) == [pid]
    assert tree.populated(scratch.path)
    for folder in tree.folders(path):
        assert str(pid) in (folder / "cgroup.procs").read_text().split()
    with pytest.raises(OSError, match="busy"):
        tree.remove(path)
    assert all(folder.is_dir() for folder in tree.folders(path))


def test_kill_takes_children_of_children_and_emptied_notices(scratch: Scratch) -> None:
    tree, path = scratch.tree, f"{scratch.path}/storm"
    tree.make(path)
    scratch.child(path, forks=4)
    assert len(tree.pids(path)) == 16

    async def watch() -> None:
        waiting = asyncio.create_task(tree.emptied(path))
        await asyncio.sleep(0)
        assert not waiting.done()
        tree.kill(path)
        os.waitpid(scratch.children.pop(), 0)  # noqa: ASYNC222 - it is dead already
        async with asyncio.timeout(10):
            await waiting

    asyncio.run(watch())
    assert tree.pids(path) == []


def test_a_group_that_is_gone_is_dead(scratch: Scratch) -> None:
    scratch.tree.kill("ichor-test-never-made")
    assert not scratch.tree.populated("ichor-test-never-made")
    asyncio.run(scratch.tree.emptied("ichor-test-never-made"))


def test_every_limit_is_set_or_reported(scratch: Scratch) -> None:
    tree = scratch.tree
    limits = Limits(
        memory_min=8 << 20, memory_low=16 << 20, memory_max=64 << 20, millicores=500, pids_max=100, swap=False
    )
    missing = {u.setting: u for u in tree.make(scratch.path, limits)}
    values = {file.name: file for folder in tree.folders(scratch.path) for file in folder.iterdir()}
    expected = {
        "v1": {
            "memory.min": 8 << 20,
            "memory.low": 16 << 20,
            "memory.limit_in_bytes": 64 << 20,
            "memory.swappiness": 0,
            "cpu.shares": 512,
            "pids.max": 100,
        },
        "v2": {
            "memory.min": 8 << 20,
            "memory.low": 16 << 20,
            "memory.max": 64 << 20,
            "memory.swap.max": 0,
            "cpu.weight": 20,
            "pids.max": 100,
        },
    }[tree.kind]
    for name, value in expected.items():
        if name in missing:
            assert missing[name].value == str(value)
            assert missing[name].reason
        else:
            assert values[name].read_text().strip() == str(value)
    assert set(missing) <= set(expected)


def test_what_sits_in_the_root_group_moves_out(scratch: Scratch) -> None:
    inner = Tree.detect(scratch.root, base=scratch.path)
    scratch.tree.make(scratch.path)
    pid = scratch.child(scratch.path)
    inner.make("init")
    inner.vacate("init")
    assert inner.pids("init") == [pid]
    assert inner.folders("init") == scratch.tree.folders(f"{scratch.path}/init")


def test_paths_stay_below_the_root(scratch: Scratch) -> None:
    for path in ("", "/system", "a/../../b"):
        with pytest.raises(Invalid):
            scratch.tree.make(path)


def test_nobody_moves_by_mistake(scratch: Scratch) -> None:
    scratch.tree.make(scratch.path)
    with pytest.raises(Invalid):
        scratch.tree.attach(scratch.path, 0)


def test_a_folder_without_cgroups_is_unsupported(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="no cgroup2"):
        Tree.detect(tmp_path)


def test_weights_of_the_facts() -> None:
    assert [weight(m) for m in (200, 250, 500, 1000, 2000)] == [8, 10, 20, 39, 78 + (shares(2000) == 2048)]
