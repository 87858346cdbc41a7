"""Read: the bytes of one regular file. Procfs and sysfs files count; devices, pipes and folders do not. What the kernel
says against it is told as it is: an unreadable block is the file's trouble and no bug of ours."""

import os
import stat
from collections.abc import AsyncIterator, Generator
from contextlib import aclosing
from pathlib import PurePosixPath
from typing import Any, Final

from core.base import offload
from core.base.errors import Invalid, NotFound
from core.node.node import Node
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.status import Code, RpcError

CHUNK: Final = 32 << 10


async def read(node: Node, ctx: Any, request: pb.ReadRequest) -> AsyncIterator[common_pb2.Data]:
    """Chunks of up to CHUNK bytes. A symlink is followed; a missing file is NotFound."""
    async with aclosing(offload.stream(_blocks(request.path), request.path)) as blocks:
        async for data in blocks:
            yield common_pb2.Data(bytes=data)


def _blocks(name: str) -> Generator[bytes]:
    path = PurePosixPath(name)
    if not path.is_absolute() or ".." in path.parts or "\0" in name:
        raise Invalid(f"{name!r} is not an absolute path")
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise Invalid(f"{name} is not a regular file")
            while data := os.read(fd, CHUNK):
                yield data
        finally:
            os.close(fd)
    except FileNotFoundError:
        raise NotFound(f"{name}: no such file") from None
    except OSError as error:
        raise RpcError(Code.UNKNOWN, f"{name}: {os.strerror(error.errno or 0).lower()}") from error
