"""Mounts and StorageService.Statfs: what is mounted and how full it is. A file system that does not answer is told
without its size, and keeps nobody from hearing of the others."""

import asyncio
import os
from typing import Any, Final

from google.protobuf.empty_pb2 import Empty

from core.base import offload
from core.base.errors import Exhausted, NotReady
from core.base.text import valid
from core.linux import mount
from core.node.api.machine.trees import absolute, refused
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.pb.machine import storage_pb2
from core.rpc.service import Method, Service, unary

SECONDS: Final = 1.0  # for one file system


def methods() -> dict[str, Method]:
    """What is served from here."""
    return {"Mounts": unary(mounts, Empty, pb.MountsResponse)}


def storage() -> Service:
    """machine.StorageService."""
    request, reply = storage_pb2.StorageServiceStatfsRequest, storage_pb2.StorageServiceStatfsResponse
    return Service("machine.StorageService", {"Statfs": unary(statfs, request, reply)})


async def mounts(ctx: Any, request: Empty) -> pb.MountsResponse:
    """Every mounted folder, in the order of mounting; single files that were mounted over others are left out."""
    stats = await asyncio.gather(*map(_told, await offload.call(mount.mounts)))
    return pb.MountsResponse(messages=[pb.Mounts(stats=[stat for stat in stats if stat is not None])])


async def _told(mounted: mount.Mount) -> pb.MountStat | None:
    """Size and room of one; zeros where it does not say, or not soon."""
    try:
        return await offload.call(_stat, mounted, key=mounted.target, seconds=SECONDS)
    except (TimeoutError, NotReady, Exhausted):
        return _named(mounted)


def _named(mounted: mount.Mount) -> pb.MountStat:
    return pb.MountStat(filesystem=valid(mounted.source), mounted_on=valid(mounted.target))


def _stat(mounted: mount.Mount) -> pb.MountStat | None:
    found = _named(mounted)
    try:
        if not os.path.isdir(mounted.target):  # noqa: PTH112 - a str from the kernel's table
            return None
        known = os.statvfs(mounted.target)
    except OSError:  # of a user's FUSE, or it was unmounted meanwhile
        return found
    found.size, found.available = known.f_frsize * known.f_blocks, known.f_frsize * known.f_bavail
    return found


async def statfs(
    ctx: Any, request: storage_pb2.StorageServiceStatfsRequest
) -> storage_pb2.StorageServiceStatfsResponse:
    """How full the file system at a path is, in bytes and inodes. Raises RpcError."""
    path = absolute(request.path)
    try:
        known = await offload.call(os.statvfs, path, key=path)
    except OSError as error:
        raise refused(path, error) from error
    unit = known.f_frsize
    return storage_pb2.StorageServiceStatfsResponse(
        size=unit * known.f_blocks,
        used=unit * (known.f_blocks - known.f_bfree),
        available=unit * known.f_bavail,
        inodes=known.f_files,
        inodes_used=known.f_files - known.f_ffree,
        inodes_free=known.f_ffree,
    )
