"""A container that is run for somebody who is there: its input and output are pipes in our hands, and it is removed
when he leaves, however that comes. Owns the pipes and that nothing stays; what goes through them is not looked at."""

import asyncio
import logging
import os
import shutil
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from io import FileIO
from pathlib import Path
from typing import Any, Final

from core.linux import rights
from core.node.containers import spec
from core.node.containers.client import NAMESPACES, Containerd
from core.node.containers.container import ENDS, Container, Output
from core.node.containers.layout import Image
from core.rpc.pb.containerd import containers_pb2
from core.rpc.status import RpcError

FOLDER: Final = Path("/run/ichor/debug")
LABELS: Final = {"ichor.attached": "yes"}  # who carries it is removed when nobody is there any more
PIECE: Final = 32 << 10
PIECES: Final = 16  # read in a row, then others have their turn
_log = logging.getLogger("attached")
_here: Final[set[str]] = set()  # ids of those whose callers are there


@dataclass(frozen=True, slots=True)
class Session:
    """A running container: the node's ends of its pipes, and how it ends."""

    container: Container
    stdin: FileIO
    stdout: FileIO
    ending: asyncio.Task[int]

    async def written(self) -> AsyncGenerator[bytes]:
        """What it writes, until it has ended and all of that is read."""
        more = asyncio.Event()
        asyncio.get_running_loop().add_reader(self.stdout.fileno(), more.set)
        self.ending.add_done_callback(lambda _: more.set())
        try:
            while not self.ending.done():
                await more.wait()
                more.clear()  # level-triggered: if anything is left, the loop sets it again
                for data in _rest(self.stdout, PIECES):
                    yield data
        finally:
            asyncio.get_running_loop().remove_reader(self.stdout.fileno())
        await self.container.delete()  # returns once the shim has passed on what was written
        for data in _rest(self.stdout):
            yield data

    async def write(self, data: bytes) -> None:
        """Give it something to read; waits while it does not."""
        loop, view = asyncio.get_running_loop(), memoryview(data)
        while view:
            try:
                view = view[os.write(self.stdin.fileno(), view) :]
            except BlockingIOError:
                room = asyncio.Event()
                loop.add_writer(self.stdin.fileno(), room.set)
                try:
                    await room.wait()
                finally:
                    loop.remove_writer(self.stdin.fileno())

    async def end_input(self) -> None:
        """Nothing more comes: what is in the pipe is still read, for the shim lets go of its end behind ours."""
        self.stdin.close()
        await self.container.close_input()


def _rest(pipe: FileIO, pieces: int = 1 << 30) -> Iterator[bytes]:
    """What can be read at once."""
    for _ in range(pieces):
        data = pipe.read(PIECE)
        if not data:  # nothing more now, or ever
            return
        yield data


@asynccontextmanager
async def attached(container: Container, image: Image, choices: spec.Choices, folder: Path) -> AsyncIterator[Session]:
    """The container, running; behind the block nothing of it is left."""
    with _place(folder, container.id) as place, _pipe(place / "in") as stdin, _pipe(place / "out") as stdout:
        output = Output(stdout.name, "" if choices.terminal else stdout.name, stdin.name, choices.terminal)
        async with _task(container, image, choices, output) as ending:
            yield Session(container, stdin, stdout, ending)


@contextmanager
def _place(folder: Path, id_: str) -> Iterator[Path]:
    """Where the pipes of one are; as long as the block lasts its caller is there."""
    place = folder / id_
    _here.add(id_)
    try:
        place.mkdir(mode=0o700, parents=True)
        try:
            yield place
        finally:
            shutil.rmtree(place)
    finally:
        _here.remove(id_)


async def sweep(containerd: Containerd, folder: Path = FOLDER) -> None:
    """Remove what those left who are gone because machined was killed. What cannot be removed is told and stays."""
    for namespace in NAMESPACES:
        within = replace(containerd, namespace=namespace)
        request = containers_pb2.ListContainersRequest(filters=[f'labels."{label}"' for label in LABELS])
        found = await within.call("containers", "List", request, containers_pb2.ListContainersResponse)
        for left in [Container(within, record.id) for record in found.containers if record.id not in _here]:
            try:
                await left.end()
            except (RpcError, TimeoutError) as error:
                _log.warning("container %s is left over, and stays: %s", left.id, error)
            else:
                _log.info("removed container %s, left over", left.id)
    for place in list(folder.iterdir()) if folder.exists() else ():
        if place.name not in _here:
            shutil.rmtree(place)


@asynccontextmanager
async def _task(
    container: Container, image: Image, choices: spec.Choices, output: Output
) -> AsyncIterator[asyncio.Task[int]]:
    """How the running container ends; it is killed if it has not."""
    ending: asyncio.Task[int] | None = None
    try:
        await container.create(image, spec.build(choices, rights.held()), LABELS)
        await container.prepare(output)
        ending = asyncio.create_task(container.wait(), name=f"{container.id} ends")
        await container.start()
        yield ending
    finally:
        await _undisturbed(_removed(container, ending))


async def _removed(container: Container, ending: asyncio.Task[int] | None) -> None:
    if ending is not None and not ending.done():
        try:
            await container.kill(signal.SIGKILL, everything=True)
            await asyncio.wait([ending], timeout=ENDS)
        finally:
            ending.cancel()
    await container.remove()


async def _undisturbed(work: Coroutine[Any, Any, None]) -> None:
    """Do it whole, also when who asked leaves in the middle: each step of it has a deadline of its own."""
    task, left = asyncio.create_task(work), False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            left = True
    task.result()
    if left:
        raise asyncio.CancelledError


def _pipe(path: Path) -> FileIO:
    """A named pipe, made and opened for both: to write it need not wait for a reader, and to read it has no end that
    the loop would be told of again and again while the process lives on without its output."""
    os.mkfifo(path, 0o600)
    return FileIO(str(path), "r+b", opener=lambda name, flags: os.open(name, flags & ~os.O_CREAT | os.O_NONBLOCK))
