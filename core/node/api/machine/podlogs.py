"""Logs of pods' containers, from the files that containerd writes (CRI's format, a line each: time, stream, whether it
is whole, text) and the kubelet turns over. Bytes as they are in the file."""

import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

from core.base import offload
from core.base.clock import Clock
from core.base.errors import NotFound
from core.node.containers.kubernetes import Instance

FOLDER: Final = Path("/var/log/pods")
PIECE: Final = 64 << 10
AGAIN: Final = 0.5  # seconds between two looks of somebody who follows


def newest(instance: Instance, folder: Path = FOLDER) -> Path:
    """The file of its last start. Raises NotFound."""
    place = folder / f"{instance.namespace}_{instance.pod}_{instance.uid}" / instance.name
    files = [path for path in place.glob("*.log") if path.stem.isdigit()] if instance.name else []
    if not files:
        raise NotFound(f'container "{instance.id}" has no log')
    return max(files, key=lambda path: int(path.stem))


async def read(path: Path, clock: Clock, *, tail: int, follow: bool) -> AsyncGenerator[bytes]:
    """All of it, or its last `tail` lines (-1: all); with `follow` also what comes until the file is another one."""
    fd = await offload.call(_open, path, key=str(path))
    try:
        at = await offload.call(_start, fd, tail, key=str(path))
        while True:
            piece = await offload.call(os.pread, fd, PIECE, at, key=str(path))
            at += len(piece)
            if piece:
                yield piece
            elif not follow or not path.exists() or path.stat().st_ino != os.fstat(fd).st_ino:
                return
            else:
                await clock.sleep(AGAIN)
    finally:
        os.close(fd)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _start(fd: int, tail: int) -> int:
    """Where the last lines begin; looked for from the end."""
    if tail < 0:
        return 0
    end = os.fstat(fd).st_size
    at, left = end, tail + 1  # the last line has its newline, too
    while at:
        size = min(PIECE, at)
        piece = os.pread(fd, size, at - size)
        lines = piece.count(b"\n")
        if lines >= left:
            for _ in range(left):
                size = piece.rindex(b"\n", 0, size)
            return at - len(piece) + size + 1
        at, left = at - size, left - lines
    return 0
