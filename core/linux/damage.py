"""Which files of a read-only image cannot be read, and what the kernel has said of its blocks. The kernel names the bad
block and never the file; but a page that failed its check is in no cache, so reading every file finds it again."""

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from core.codec.dm import BadBlock

_STEP: Final = 1 << 20
_SAID: Final = re.compile(rb"device-mapper: verity: \S+ (data|metadata) block (\d+) is corrupted")
_RECORD: Final = 8192


def unreadable(root: Path) -> list[str]:
    """Paths below `root` and on its file system whose content or whose folder answers EIO, absolute within it."""
    return [f"/{Path(path).relative_to(root)}" for path in _failing(str(root), root.stat().st_dev)]


def said(kmsg: Path) -> list[BadBlock]:
    """Every complaint of dm-verity that the kernel's log still holds, in order, each block once."""
    found: dict[BadBlock, None] = {}
    fd = os.open(kmsg, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        while record := _record(fd):
            if match := _SAID.search(record):
                found[BadBlock(int(match[2]), data=match[1] == b"data")] = None
    finally:
        os.close(fd)
    return list(found)


def _record(fd: int) -> bytes:
    """The next record; empty at the end. EPIPE says that some were overwritten: go on with the next."""
    while True:
        try:
            return os.read(fd, _RECORD)
        except BlockingIOError:
            return b""
        except BrokenPipeError:
            continue


def _failing(folder: str, device: int) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(folder), key=lambda e: e.name)
    except OSError as error:
        if error.errno == errno.EIO:
            yield folder
        return
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                if entry.stat(follow_symlinks=False).st_dev == device:
                    yield from _failing(entry.path, device)
            elif entry.is_file(follow_symlinks=False) and not _whole(entry.path, device):
                yield entry.path
        except OSError as error:
            if error.errno == errno.EIO:
                yield entry.path


def _whole(path: str, device: int) -> bool:
    """Whether the file reads to its end. Raises OSError when it cannot be opened."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(fd).st_dev != device:
            return True
        while os.read(fd, _STEP):
            pass
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return False
    finally:
        os.close(fd)
    return True
