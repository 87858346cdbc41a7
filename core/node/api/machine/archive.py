"""Copy: a tree of files as one gzip'd tar, made as it is sent: memory is bounded, whatever the tree. A file is as large
as it was when its turn came: what grows is cut there, what shrinks is filled with zeros and told of. What cannot be in
a tar (sockets) or be read is left out; a last message without bytes says so in `metadata.error`, as clients expect."""

import os
import stat
import zlib
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from typing import Any, Final

from core.base import offload
from core.base.text import valid
from core.codec import tar
from core.codec.member import Member
from core.linux.walk import Entry, said, walk
from core.node.api.machine.trees import KCORE, refused
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.service import Method, server_stream
from core.rpc.status import Code, RpcError

CHUNK: Final = 32 << 10
READ: Final = 64 << 10
MEASURED: Final = 1 << 20  # bytes read ahead of a kernel's file, whose size is known when it was read
TROUBLES: Final = 32  # told; of more there is only a count
_GZIP: Final = 31  # zlib's window bits for a gzip header
_LEVEL: Final = 1  # a node has better things to compute


def methods() -> dict[str, Method]:
    """What is served from here."""
    return {"Copy": server_stream(copy, pb.CopyRequest, common_pb2.Data)}


async def copy(ctx: Any, request: pb.CopyRequest) -> AsyncGenerator[common_pb2.Data]:
    """Pieces of the archive, up to CHUNK bytes each; names in it are relative to the root, which itself is not in it
    if it is a folder."""
    if not request.root_path.startswith("/") or "\0" in request.root_path:
        raise RpcError(Code.UNKNOWN, f"path is not absolute {request.root_path!r}")
    troubles: list[str] = []
    members = _members(request.root_path, troubles)
    async with aclosing(offload.stream(_compressed(members), request.root_path)) as pieces:
        async for piece in pieces:
            for start in range(0, len(piece), CHUNK):
                yield common_pb2.Data(bytes=piece[start : start + CHUNK])
    if troubles:
        more = [f"and {len(troubles) - TROUBLES} more"] if len(troubles) > TROUBLES else []
        yield common_pb2.Data(metadata=common_pb2.Metadata(error="; ".join(troubles[:TROUBLES] + more)))


def _compressed(blocks: Generator[bytes]) -> Generator[bytes]:
    """gzip, piece by piece; maybe empty ones, so that the work can be ended while zeros shrink to nothing."""
    squeeze = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    try:
        for block in blocks:
            yield squeeze.compress(block)
    finally:
        blocks.close()
    yield squeeze.flush()


def _members(root: str, troubles: list[str]) -> Generator[bytes]:
    try:
        for entry in walk(root):
            if entry.depth == 0 and entry.is_folder and not entry.error:
                continue
            trouble = entry.error or (yield from _member(entry))
            if trouble:
                troubles.append(f"{valid(entry.path)}: {trouble}" if len(troubles) < TROUBLES else "")
    except OSError as error:
        raise refused(root, error) from error
    yield tar.END


def _member(entry: Entry) -> Generator[bytes, None, str]:
    """The blocks of one entry; what is wrong with it."""
    assert entry.status is not None  # or it had an error
    mode = entry.status.st_mode
    if entry.path == KCORE:
        return "the memory is no file"
    if stat.S_ISREG(mode):
        try:
            fd = os.open(entry.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError as error:
            return said(error)
        try:
            return (yield from _content(fd, entry))
        finally:
            os.close(fd)
    if stat.S_ISSOCK(mode):
        return "a socket cannot be in an archive"
    yield tar.header(_head(entry, entry.status), 0)
    return ""


def _content(fd: int, entry: Entry) -> Generator[bytes, None, str]:
    """A file's header and content: as much as was there at first, no more and no less."""
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        return "something else came into its place"
    ahead, ended, trouble = _ahead(fd, status.st_size)
    size = len(ahead) if ended else max(status.st_size, len(ahead))
    if trouble and not ahead:
        return trouble
    yield tar.header(_head(entry, status), size)
    yield ahead
    left = size - len(ahead)
    while left and not trouble:
        try:
            block = os.read(fd, min(READ, left))
        except OSError as error:
            block, trouble = b"", said(error)
        if not block:
            trouble = trouble or "it became shorter while it was read"
        left -= len(block)
        yield block
    while left:
        block = bytes(min(READ, left))
        left -= len(block)
        yield block
    yield tar.padding(size)
    return trouble


def _ahead(fd: int, size: int) -> tuple[bytes, bool, str]:
    """The first bytes, whether they are all, what is wrong. Files of the kernel say that they are empty, or a page."""
    ahead, limit = b"", MEASURED if size <= READ else READ
    while len(ahead) < limit:
        try:
            block = os.read(fd, min(READ, limit - len(ahead)))
        except OSError as error:
            return ahead, True, said(error)
        if not block:
            return ahead, True, ""
        ahead += block
    return ahead, False, "" if size >= limit else "it is cut: its size is not known"


def _head(entry: Entry, status: os.stat_result) -> Member:
    return Member(
        entry.relative,
        status.st_mode,
        target=entry.link,
        mtime=int(status.st_mtime),
        uid=status.st_uid,
        gid=status.st_gid,
        rdev=(os.major(status.st_rdev), os.minor(status.st_rdev)),
    )
