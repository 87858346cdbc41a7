"""List and DiskUsage: what is in a tree of files. An entry that cannot be looked at is told with its `error`, and the
rest goes on. The walk runs on a thread and ends with the call."""

import errno
import os
import stat
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from typing import Any, Final

from core.base import offload
from core.base.text import valid
from core.linux.walk import Entry, said, walk
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.service import Method, server_stream
from core.rpc.status import Code, RpcError, from_error

# Go's os.FileMode, which is what this API means by mode: https://pkg.go.dev/io/fs#FileMode
_KINDS: Final = {
    stat.S_IFDIR: 1 << 31,
    stat.S_IFLNK: 1 << 27,
    stat.S_IFBLK: 1 << 26,
    stat.S_IFCHR: 1 << 26 | 1 << 21,
    stat.S_IFIFO: 1 << 25,
    stat.S_IFSOCK: 1 << 24,
}
_BITS: Final = {stat.S_ISUID: 1 << 23, stat.S_ISGID: 1 << 22, stat.S_ISVTX: 1 << 20}
_TYPES: Final = {
    pb.ListRequest.REGULAR: stat.S_IFREG,
    pb.ListRequest.DIRECTORY: stat.S_IFDIR,
    pb.ListRequest.SYMLINK: stat.S_IFLNK,
}
KCORE: Final = "/proc/kcore"  # as large as the address space, and not on any disk


def methods() -> dict[str, Method]:
    """What is served from here."""
    return {
        "List": server_stream(list_files, pb.ListRequest, pb.FileInfo),
        "DiskUsage": server_stream(disk_usage, pb.DiskUsageRequest, pb.DiskUsageInfo),
    }


def file_mode(mode: int) -> int:
    """An st_mode as Go has it."""
    kind = _KINDS.get(stat.S_IFMT(mode), 0)
    return kind | mode & 0o777 | sum(bit for flag, bit in _BITS.items() if mode & flag)


def absolute(path: str) -> str:
    """A path as callers mean it: from the root, without a slash at its end. Raises RpcError for a NUL."""
    if "\0" in path:
        raise RpcError(Code.INVALID_ARGUMENT, f"{path!r} is not a path")
    return "/" + path.strip("/")


async def list_files(ctx: Any, request: pb.ListRequest) -> AsyncGenerator[pb.FileInfo]:
    """The root, then what is below it: one level, or `recursion_depth` with `recurse` (none given: all of it). With
    `types`, only those."""
    depth = (request.recursion_depth or -1) if request.recurse else 1
    async with aclosing(offload.stream(_files(absolute(request.root), max(depth, -1), request), request.root)) as found:
        async for info in found:
            yield info


def _files(root: str, depth: int, request: pb.ListRequest) -> Generator[pb.FileInfo]:
    types = {_TYPES[kind] for kind in request.types if kind in _TYPES}
    try:
        for entry in walk(root, depth):
            if not types or entry.status is None or stat.S_IFMT(entry.status.st_mode) in types:
                yield _info(entry, request.report_xattrs)
    except OSError as error:
        raise refused(root, error) from error


def refused(path: str, error: OSError) -> RpcError:
    """The status for a path that the kernel does not let us begin with."""
    known = from_error(error)
    return RpcError(Code.UNKNOWN if known is None else known.code, f"{valid(path)}: {said(error)}")


def _info(entry: Entry, xattrs: bool) -> pb.FileInfo:
    info = pb.FileInfo(name=valid(entry.path), relative_name=valid(entry.relative), error=entry.error)
    if entry.status is not None:
        info.size = entry.status.st_size
        info.mode = file_mode(entry.status.st_mode)
        info.modified = int(entry.status.st_mtime)
        info.is_dir = entry.is_folder
        info.link = valid(entry.link)
        info.uid, info.gid = entry.status.st_uid, entry.status.st_gid
    if xattrs and not entry.error:
        _add_xattrs(info, entry.path)
    return info


def _add_xattrs(info: pb.FileInfo, path: str) -> None:
    try:
        for name in os.listxattr(path, follow_symlinks=False):
            info.xattrs.add(name=valid(name), data=os.getxattr(path, name, follow_symlinks=False))
    except OSError as error:
        if error.errno not in (errno.ENOTSUP, errno.ENODATA):  # such a file system; or it went in between
            info.error = said(error)


async def disk_usage(ctx: Any, request: pb.DiskUsageRequest) -> AsyncGenerator[pb.DiskUsageInfo]:
    """Sizes as files have them; a folder's total comes behind what is in it. Shown are folders (`all`: files too), less
    than `recursion_depth` levels down (0: any), of at least `threshold` bytes, or at most -`threshold`."""
    for path in request.paths:
        async with aclosing(offload.stream(_sizes(absolute(path)), path)) as found:
            async for depth, is_folder, info in found:
                if info.error or _wanted(request, depth, is_folder, info.size):
                    yield info


def _wanted(request: pb.DiskUsageRequest, depth: int, is_folder: bool, size: int) -> bool:
    limit = request.threshold
    return (
        (depth < request.recursion_depth or request.recursion_depth <= 0)
        and (is_folder or request.all)
        and (size >= limit if limit >= 0 else size <= -limit)
    )


def _sizes(root: str) -> Generator[tuple[int, bool, pb.DiskUsageInfo]]:
    """(depth, is a folder, what it is and holds): every entry once, a folder when all in it is known."""
    inside: list[tuple[int, bool, pb.DiskUsageInfo]] = []  # the folders we are in, each in the one before
    try:
        for entry in walk(root):
            while inside and inside[-1][0] >= entry.depth:
                yield _closed(inside)
            info = pb.DiskUsageInfo(name=valid(entry.path), relative_name=valid(entry.relative), error=entry.error)
            if entry.status is not None and entry.path != KCORE:
                info.size = entry.status.st_size
            inside.append((entry.depth, entry.is_folder, info))
    except OSError as error:
        yield 0, False, pb.DiskUsageInfo(name=valid(root), relative_name=valid(root), error=said(error))
    while inside:
        yield _closed(inside)


def _closed(inside: list[tuple[int, bool, pb.DiskUsageInfo]]) -> tuple[int, bool, pb.DiskUsageInfo]:
    """Leave the innermost: it counts for the folder it is in."""
    last = inside.pop()
    if inside:
        inside[-1][2].size += last[2].size
    return last
