"""Entries to squashfs, in the build root's mksquashfs with one owner, one time and a fixed order, so that equal entries
give equal bytes on any machine. What others made is compressed first and kept; our own folder is appended to a copy, so
that a change of ours compresses ours alone. A build from nothing takes the same two steps to the same bytes."""

import hashlib
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from core.codec import tar
from core.codec.member import Member
from core.image import tables
from core.image.cache import Cache, digest
from core.image.entry import Entry
from core.image.root import Root

BLOCK: Final = 256 * 1024
OURS: Final = "ichor"
_COMMON: Final = ["-quiet", "-no-progress", "-no-xattrs", "-all-root", "-root-mode", "0755"]
_FORMAT: Final = ["-comp", "zstd", "-Xcompression-level", "19", "-b", str(BLOCK), "-noI", "-noId", "-no-exports"]
_IMAGE: Final = "/mnt/out/squashfs"


def squash(cache: Cache, root: Root, entries: Iterable[Entry], date: int) -> Path:
    """The squashfs file."""
    every = list(entries)
    ours = [entry for entry in every if entry.path.partition("/")[0] == OURS]
    base = _base(cache, root, [entry for entry in every if entry.path.partition("/")[0] != OURS], date)

    def fill(folder: Path) -> None:
        shutil.copyfile(base, folder / "squashfs")
        for entry in ours:
            _write(folder / "layer" / entry.path, entry)
        root.run(["mksquashfs", "/mnt/out/layer", _IMAGE, "-no-recovery", *_COMMON, *_times(date)], {"out": folder})
        tables.decompress_fragments(folder / "squashfs", lambda data: root.run(["zstd", "-dc"], {}, data=data))
        shutil.rmtree(folder / "layer")

    key = digest((base.parent.name, str(date), *_COMMON, *map(_shape, ours)))
    return cache.step("squashfs", key, fill, keep=4) / "squashfs"


def _base(cache: Cache, root: Root, entries: list[Entry], date: int) -> Path:
    def fill(folder: Path) -> None:
        stream = tar.pack(Member(e.path, e.mode, e.content(), e.target, date) for e in entries)
        options = ["-tar", "-noappend", *_FORMAT, *_COMMON, *_times(date)]
        root.run(["mksquashfs", "-", _IMAGE, *options], {"out": folder}, data=stream)

    key = digest((root.name, str(date), *_FORMAT, *_COMMON, *map(_shape, entries)))
    return cache.step("base", key, fill, keep=3) / "squashfs"


def _times(date: int) -> list[str]:
    return ["-mkfs-time", str(date), "-all-time", str(date), "-root-time", str(date)]


def _shape(entry: Entry) -> str:
    return f"{entry.path}\0{entry.mode}\0{entry.target}\0{hashlib.sha256(entry.content()).hexdigest()}"


def _write(path: Path, entry: Entry) -> None:
    if stat.S_ISDIR(entry.mode):
        path.mkdir(parents=True)
    elif stat.S_ISLNK(entry.mode):
        path.symlink_to(entry.target)
    else:
        path.write_bytes(entry.content())
    if not stat.S_ISLNK(entry.mode):
        path.chmod(stat.S_IMODE(entry.mode))
