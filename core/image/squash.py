"""Entries to squashfs: a tar stream into the build root's mksquashfs, with one owner, one time and a fixed order, so
that equal entries give equal bytes on any machine."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from core.codec import tar
from core.codec.member import Member
from core.image.cache import Cache, digest
from core.image.entry import Entry
from core.image.root import Root

BLOCK: Final = 256 * 1024
_OPTIONS: Final = [
    *("-tar", "-noappend", "-quiet", "-no-progress", "-no-xattrs", "-exports", "-all-root"),
    *("-comp", "zstd", "-Xcompression-level", "19", "-b", str(BLOCK)),
    *("-noI", "-noId"),
]


def squash(cache: Cache, root: Root, entries: Iterable[Entry], date: int) -> Path:
    """The squashfs file."""
    every = list(entries)
    shape = (f"{e.path}\0{e.mode}\0{e.target}\0{hashlib.sha256(e.content()).hexdigest()}" for e in every)
    key = digest((root.name, str(date), *_OPTIONS, *shape))

    def fill(folder: Path) -> None:
        times = ["-mkfs-time", str(date), "-all-time", str(date)]
        command = ["mksquashfs", "-", "/mnt/out/squashfs", *_OPTIONS, *times]
        root.run(command, {"out": folder}, data=stream(every, date))

    return cache.step("squashfs", key, fill, keep=4) / "squashfs"


def stream(entries: Iterable[Entry], date: int) -> bytes:
    """The entries as one tar archive."""
    return tar.pack(Member(e.path, e.mode, e.content(), e.target, date) for e in entries)
