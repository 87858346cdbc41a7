"""The check of the image as a service: the real program over a small image, what its record and lines become."""

import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest

from core.codec import bundle
from core.linux.capabilities import CONTAINER
from core.linux.image import GIVEN, Ground, running
from core.linux.init import Init
from core.node.resources import NAMESPACES, REGISTRY
from core.node.resources.runtime import BadBlock, ImageCheck, ImageCheckState
from core.node.services.groups import GROUPS
from core.node.services.imagecheck import ID, Checker
from core.node.services.logs import Logs
from core.node.services.states import State
from core.node.services.supervisor import Supervisor
from core.state import Store
from ext import verity
from tests.node.services.test_supervisor import World
from tests.support.clock import on_loop
from tests.support.loop import run as tool
from tests.support.pid1 import CHECKOUT

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="making groups and an image of root's needs root")
PROGRAM = str(CHECKOUT / "_out/programs/imagecheck")
LARGE = "/usr/lib/large"
GROUP = "service/imagecheck"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An image with one large file; nobody signed it."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "root/usr/lib").mkdir(parents=True)
    (folder / f"root{LARGE}").write_bytes(os.urandom(8 << 20))
    path = folder / "image"
    tool("mksquashfs", folder / "root", path, "-quiet", "-no-progress", "-noI", "-noId", "-noF", "-no-xattrs")
    size = bundle.data_size(path.read_bytes())
    os.truncate(path, size)
    with path.open("rb") as file:
        root, tree = verity.build(file.fileno(), size // bundle.BLOCK, b"salt".ljust(32))
    footer = bundle.Footer(size, len(tree), 0, root, b"salt".ljust(32), bytes(32), bytes(32), "v0")
    return path.read_bytes() + tree + bundle.append_signature(bundle.encode(footer), bytes(64))


@dataclass(frozen=True, slots=True)
class Node:
    """Who runs the check, and what is seen of it."""

    supervisor: Supervisor
    checker: Checker
    logs: Logs

    async def look(self) -> ImageCheck:
        return await self.checker.status(self.supervisor.unit(ID).record)

    async def check(self) -> ImageCheck:
        """Start it, and see what it came to."""
        self.supervisor.start(ID)
        await self.supervisor.unit(ID).until(lambda u: u.state in (State.FINISHED, State.FAILED))
        return await self.look()


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    made.tree.make(GROUP)
    yield made
    made.close()


@asynccontextmanager
async def node(world: World, root: Path, program: str = PROGRAM) -> AsyncIterator[Node]:
    """As assembled in a container node with that root."""
    logs = Logs(world.table)
    checker = Checker(lambda: running(CONTAINER, Ground(root=root)), logs, world.clock.now, program)
    supervisor = Supervisor(
        [replace(checker.service(), cgroup=GROUP)],
        init=cast(Init, world.table),
        tree=world.tree,
        logs=logs,
        store=Store(REGISTRY, world.clock, NAMESPACES),
        events=world,
        clock=world.clock,
    )
    try:
        async with supervisor:
            yield Node(supervisor, checker, logs)
    finally:
        logs.close()


def give(root: Path, image: bytes) -> Path:
    """What the provisioner does."""
    file = root / GIVEN
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(image)
    return file


def flip(file: Path, block: int) -> None:
    with file.open("r+b") as opened:
        (byte,) = os.pread(opened.fileno(), 1, block * bundle.BLOCK)
        os.pwrite(opened.fileno(), bytes([byte ^ 1]), block * bundle.BLOCK)


def test_never_asked_then_intact_then_a_file_then_the_tree(world: World, tmp_path: Path, whole: bytes) -> None:
    file = give(tmp_path, whole)
    size = bundle.data_size(whole)

    @on_loop
    async def run() -> None:
        async with node(world, tmp_path) as here:
            assert await here.look() == ImageCheck()
            good = await here.check()
            assert (good.state, good.bad_block, good.problem) == (ImageCheckState.INTACT, None, "")
            assert good.bytes_checked == good.bytes_total == size
            assert world.clock.now() == good.started == good.finished
            flip(file, 700)
            bad = await here.check()
            assert bad.state is ImageCheckState.CORRUPTED
            assert bad.bad_block == BadBlock(block=700, file=LARGE, found=bad.finished)
            flip(file, 700)
            flip(file, size // bundle.BLOCK + 1)
            assert (await here.check()).bad_block == BadBlock(
                block=size // bundle.BLOCK + 1, file="hash tree", found=world.clock.now()
            )
            assert b"".join([piece async for piece in here.logs.find(ID).read()]).count(b"has not its hash") == 2
        async with node(world, tmp_path) as next_one:
            assert (await next_one.look()).state is ImageCheckState.CORRUPTED  # it is kept until another is asked for
            assert next_one.supervisor.unit(ID).state is State.FAILED
            flip(file, size // bundle.BLOCK + 1)
            assert (await next_one.check()).state is ImageCheckState.INTACT

    run()


def test_why_it_cannot_is_said(world: World, tmp_path: Path, whole: bytes) -> None:
    @on_loop
    async def run() -> None:
        async with node(world, tmp_path) as here:
            none = await here.check()
            assert none.state is ImageCheckState.UNABLE
            assert "was not given its image's file" in none.problem
            give(tmp_path, b"hsqs".ljust(100, b"\0"))
            assert "superblock says 0 bytes" in (await here.check()).problem
            give(tmp_path, whole)
        async with node(world, tmp_path, "/nonexistent") as other:
            assert "/nonexistent" in (await other.check()).problem

    run()


def test_under_way_stopped_and_once_at_a_time(world: World, tmp_path: Path, whole: bytes) -> None:
    """A stand-in that says how far it is and goes on until it is told to end."""
    give(tmp_path, whole)
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\necho checked 512 of $2 blocks; exec sleep 1000\n")
    slow.chmod(0o755)

    @on_loop
    async def run() -> None:
        async with node(world, tmp_path, str(slow)) as here:
            said = here.checker.said()
            here.supervisor.start(ID)
            while b"512" not in await anext(said):
                pass
            await said.aclose()
            pid = here.supervisor.unit(ID).record.pid
            here.supervisor.start(ID)
            assert here.supervisor.unit(ID).record.pid == pid
            rights = Path(f"/proc/{pid}/status").read_text()
            assert set(re.findall(r"^Cap(?:Prm|Eff|Bnd):\t(\w+)$", rights, re.M)) == {"0" * 16}
            assert world.tree.pids(GROUP) == [pid]
            assert here.checker.service().cgroup in GROUPS
            world.clock.step(2)
            seen = await here.look()
            assert (seen.state, seen.bytes_checked, seen.bytes_per_second) == (
                ImageCheckState.RUNNING,
                2 << 20,
                1 << 20,
            )
            assert (seen.finished, seen.bytes_total) == (0, bundle.data_size(whole))
        async with node(world, tmp_path, str(slow)) as next_one:
            assert next_one.supervisor.unit(ID).record.pid == pid
            assert (await next_one.look()).state is ImageCheckState.RUNNING
            await next_one.supervisor.stop(ID)
            stopped = await next_one.look()
            assert (stopped.state, stopped.bytes_checked) == (ImageCheckState.STOPPED, 2 << 20)
            assert world.tree.pids(GROUP) == []

    run()
