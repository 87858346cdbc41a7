"""Filesystems on block devices: make one by its mkfs program, and let a mounted XFS grow into a larger device through
its own ioctl (fs/xfs/libxfs/xfs_fs.h). Refuses nothing: whether a device may be overwritten is decided above."""

import fcntl
import os
import struct
from pathlib import Path
from typing import Final

from core.base.errors import IchorError, Unsupported
from core.linux.tool import Run

_XFS_GEOMETRY_V1: Final = 0x80705864
_XFS_GROW_DATA: Final = 0x4010586E
_GEOMETRY: Final = struct.Struct("=8I4Q16s7I4x")
# mkfs.xfs wants to be asked twice below this
_XFS_SUPPORTED: Final = 300 << 20


class MkfsError(IchorError):
    """The program that makes the filesystem failed; carries its words."""


async def make(run: Run, kind: str, device: Path, size: int, *, label: str = "") -> None:
    """Make a filesystem of `kind` on `device` (`size` bytes). Raises Unsupported, MkfsError."""
    command = mkfs_command(kind, device, size, label)
    done = await run(command)
    if done.status:
        raise MkfsError(f"{command[0]} on {device} failed with status {done.status}: {done.output.strip()}")


def mkfs_command(kind: str, device: Path, size: int, label: str) -> list[str]:
    """The argument list; forced, because the device was judged before."""
    match kind:
        case "xfs":
            small = ["--unsupported"] if size < _XFS_SUPPORTED else []
            return ["/usr/sbin/mkfs.xfs", "-f", "-q", "-K", *small, *(["-L", label[:12]] if label else []), str(device)]
        case "ext4":
            return ["/usr/sbin/mkfs.ext4", "-F", "-q", *(["-L", label[:16]] if label else []), str(device)]
        case "vfat":
            return ["/usr/sbin/mkfs.vfat", *(["-n", label[:11]] if label else []), str(device)]
    raise Unsupported(f"no filesystem of kind {kind!r} can be made here", remedy="use xfs, ext4 or vfat")


def grow_xfs(mountpoint: int, device_size: int) -> bool:
    """Let the XFS mounted at the open folder fill a device of `device_size` bytes; whether it had room to grow."""
    _, _, _, _, _, _, _, inode_percent, blocks, *_ = geometry = _GEOMETRY.unpack(
        fcntl.ioctl(mountpoint, _XFS_GEOMETRY_V1, bytes(_GEOMETRY.size))
    )
    wanted = device_size // geometry[0]
    # the kernel refuses a last allocation group below its minimum by making nothing of it: not worth asking for
    if wanted <= blocks:
        return False
    fcntl.ioctl(mountpoint, _XFS_GROW_DATA, struct.pack("=QI4x", wanted, inode_percent))
    return True


def fill(folder: Path, device_size: int) -> bool:
    """`grow_xfs` of what is mounted at `folder`."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return grow_xfs(fd, device_size)
    finally:
        os.close(fd)
