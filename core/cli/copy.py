"""`copy`: a tree of files from a node, as an archive on standard output or unpacked into a folder."""

import asyncio
import os
import sys
from pathlib import Path
from threading import Thread
from typing import IO

import click

from core.base.errors import AlreadyExists, IchorError, Invalid
from core.base.text import printable
from core.cli.output import note
from core.cli.target import Node, Nodes, node_options
from core.cli.unpack import unpack
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb


@click.command(name="copy")
@click.argument("source")
@click.argument("target", type=click.Path(path_type=Path))
@node_options()
def command(source: str, target: Path, nodes: Nodes) -> int:
    """Copy SOURCE of the node into the folder TARGET; `-` writes it to standard output as a .tar.gz."""
    if len(nodes.names) != 1:
        raise Invalid("files are copied from one node at a time", remedy="name it with --nodes")
    if str(target) == "-":
        return nodes.each(lambda node: _stream(node, source, sys.stdout.buffer))
    if target.exists() and not target.is_dir():
        raise AlreadyExists(f"{target} is not a folder")
    target.mkdir(parents=True, exist_ok=True)
    return nodes.each(lambda node: _unpack(node, source, target))


async def _stream(node: Node, source: str, out: IO[bytes]) -> None:
    """The archive to `out`; what the node left out of it to standard error."""
    request = pb.CopyRequest(root_path=source)
    async for data in node.stream("machine.MachineService/Copy", request, common_pb2.Data):
        if data.metadata.error:
            note(f"{node.name}: left out: {printable(data.metadata.error)}")
        await asyncio.to_thread(out.write, data.bytes)
    await asyncio.to_thread(out.flush)


async def _unpack(node: Node, source: str, target: Path) -> None:
    """Read here, write beside: a pipe between, so that memory is bounded."""
    read, write = os.pipe()
    unpacking = _Unpacking(read, target)
    unpacking.start()
    try:
        with os.fdopen(write, "wb") as out:
            await _stream(node, source, out)
    except BrokenPipeError:
        pass  # the other side gave up, and says why
    finally:
        await asyncio.to_thread(unpacking.join)
    if unpacking.failure is not None:
        raise unpacking.failure


class _Unpacking(Thread):
    """Unpacks what comes through a pipe; `failure` says what went wrong."""

    def __init__(self, pipe: int, target: Path) -> None:
        super().__init__(daemon=True)
        self._pipe, self._target = pipe, target
        self.failure: IchorError | OSError | None = None

    def run(self) -> None:
        with os.fdopen(self._pipe, "rb") as pipe:
            try:
                unpack(pipe, self._target, note)
            except (IchorError, OSError) as error:
                self.failure = error
            while pipe.read(1 << 16):
                pass  # so that the writer comes to its end
