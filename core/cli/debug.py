"""`debug`: a container to look around in on a node, with this terminal as its own. It ends with the call, and an image
that came for it goes with it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import click
from google.protobuf.empty_pb2 import Empty

from core.base.errors import Invalid
from core.cli import files, terminal
from core.cli.imagepull import Board, pulled
from core.cli.images import INSTANCES, imported, instance
from core.cli.target import Node, Nodes, node_options
from core.rpc.call import Call
from core.rpc.pb.machine import debug_pb2 as pb
from core.rpc.pb.machine import image_pb2
from core.rpc.status import RpcError

Running = Call[pb.DebugContainerRunRequest, pb.DebugContainerRunResponse]
_Spec = pb.DebugContainerRunRequestSpec
_PROFILES: Final = {
    "plain": _Spec.PROFILE_UNSPECIFIED,
    "privileged": _Spec.PROFILE_PRIVILEGED,
    "host-ns": _Spec.PROFILE_HOST_NS,
}


@click.command(name="debug")
@click.argument("image")
@click.argument("command", nargs=-1)
@click.option("--args", multiple=True, help="what to run, in place of what the image says; or give it behind --")
@click.option(
    "--namespace", type=click.Choice(tuple(INSTANCES)), default="inmem", show_default=True, help="of the image"
)
@click.option("--profile", type=click.Choice(tuple(_PROFILES)), default="privileged", show_default=True)
@node_options()
def command(
    image: str, command: tuple[str, ...], args: tuple[str, ...], namespace: str, profile: str, nodes: Nodes
) -> int:
    """Run IMAGE on the node, a file with an OCI layout as a tar or a name that the node can pull."""
    if len(nodes.names) != 1:
        raise Invalid("one looks around on one node at a time", remedy="name it with --nodes")

    async def run(node: Node) -> int:
        async with _image(node, namespace, image) as name:
            spec = _Spec(
                containerd=instance(namespace),
                image_name=name,
                args=command or files.split(args),
                profile=_Spec.Profile.Name(_PROFILES[profile]),
                tty=terminal.attached(),
            )
            return await _session(node, spec)

    ((_, code),) = nodes.run(run)
    return code


@asynccontextmanager
async def _image(node: Node, namespace: str, image: str) -> AsyncIterator[str]:
    """The name under which the node has the image; behind the block it has no more than it had before."""
    where = instance(namespace)
    request = image_pb2.ImageServiceListRequest(containerd=where)
    stream = node.stream("machine.ImageService/List", request, image_pb2.ImageServiceListResponse)
    before = {each.name async for each in stream}
    if image in before:
        name = image
    elif Path(image).is_file():
        name = await imported(node, namespace, Path(image))
    else:
        name = await pulled(node, namespace, image, Board())
    try:
        yield name
    finally:
        if name not in before:
            remove = image_pb2.ImageServiceRemoveRequest(containerd=where, image_ref=name)
            await node.unary("machine.ImageService/Remove", remove, Empty)


async def _session(node: Node, spec: pb.DebugContainerRunRequestSpec) -> int:
    """Input there, output here, until it ends; its exit code."""
    path, reply = "/machine.DebugService/ContainerRun", pb.DebugContainerRunResponse
    async with node.channel.bidi(path, pb.DebugContainerRunRequest, reply, node.metadata) as call:
        session = _Session(call)
        await call.send(pb.DebugContainerRunRequest(spec=spec))
        told: dict[signal.Signals, Callable[[], object]] = {}
        told |= {number: partial(session.tell, signal=number) for number in (signal.SIGINT, signal.SIGTERM)}
        if spec.tty:
            session.resize()
            told[signal.SIGWINCH] = session.resize
        with terminal.raw(spec.tty), terminal.signals(told):
            typing = asyncio.create_task(session.type())
            try:
                return await session.write()
            except asyncio.CancelledError:
                raise click.Abort from None  # by `tell`
            finally:
                typing.cancel()


class _Session:
    """What goes to the container and what comes from it."""

    def __init__(self, call: Running) -> None:
        self._call, self._ended = call, False
        self._task = asyncio.current_task()
        self._telling: set[asyncio.Task[bool]] = set()

    def tell(self, **what: Any) -> None:
        """A signal or a size. Behind the end of the input nothing can be told: then who interrupts leaves."""
        if not self._ended:
            task = asyncio.create_task(self._call.send(pb.DebugContainerRunRequest(**what)))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)
        elif "signal" in what and self._task is not None:
            self._task.cancel()

    def resize(self) -> None:
        """The size of this terminal is that one's."""
        width, height = terminal.size()
        self.tell(term_resize=pb.DebugContainerTerminalResize(width=width, height=height))

    async def type(self) -> None:
        """All input, then its end."""
        with suppress(RpcError):  # it has ended, as `write` sees
            async for data in terminal.typed():
                await self._call.send(pb.DebugContainerRunRequest(stdin_data=data))
            self._ended = True
            await self._call.end()

    async def write(self) -> int:
        """All output; the exit code."""
        code = 0
        async for message in self._call:
            if message.HasField("exit_code"):
                code = message.exit_code
            elif message.stdout_data:
                await asyncio.to_thread(_write, message.stdout_data)
        return code


def _write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]
