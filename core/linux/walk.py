"""A tree of files, entry by entry: a folder before what is in it, names in order. Symlinks are told and never followed,
but for the root itself. Owns what happens when things vanish or refuse to be read: that is an entry's `error`, and the
walk goes on. Blocks; runs on a thread. Memory is bounded: a huge folder comes in the kernel's order."""

import os
import stat
from collections.abc import Generator
from itertools import islice
from typing import Final, NamedTuple

SORTED: Final = 10_000  # entries; a folder of more is not held in memory to be sorted


class Entry(NamedTuple):
    """What is at `path`: `relative` to the root, which is ".", or its own name if the root is no folder; `depth` 0 is
    the root; `link` where a symlink points to. Without a `status` nothing is known but the `error`."""

    path: str
    relative: str
    depth: int
    status: os.stat_result | None = None
    link: str = ""
    error: str = ""

    @property
    def is_folder(self) -> bool:
        """Whether things may be in it."""
        return self.status is not None and stat.S_ISDIR(self.status.st_mode)


def walk(root: str, depth: int = -1) -> Generator[Entry]:
    """The root and what is at most `depth` levels below it (-1: everything). Raises OSError when there is no root."""
    top = os.path.realpath(root, strict=True)
    first = _look(top, ".", 0)
    entry: Entry | None = first if first.is_folder else first._replace(relative=top.rpartition("/")[2])
    inside: list[tuple[Entry, Generator[str]]] = []  # the folders we are in
    try:
        while entry is not None:
            name, error = None, ""
            if entry.is_folder and entry.depth != depth:
                inside.append((entry, _names(entry.path)))
                name, error = _next(inside[-1][1])
            yield entry._replace(error=error) if error else entry
            while name is None and inside:
                name, error = _next(inside[-1][1])
                if error:  # the folder broke off: told once more, with nothing but that
                    yield inside[-1][0]._replace(status=None, error=error)
                if name is None:
                    inside.pop()
            entry = _child(inside[-1][0], name) if name is not None else None
    finally:
        for _, names in inside:
            names.close()


def _names(path: str) -> Generator[str]:
    """The names in a folder: sorted, or as they come when there are very many. Raises OSError."""
    with os.scandir(path) as found:
        names = [entry.name for entry in islice(found, SORTED)]
        if len(names) == SORTED:
            yield from names
            for entry in found:
                yield entry.name
            return
    yield from sorted(names)


def _next(names: Generator[str]) -> tuple[str | None, str]:
    """The next name, or none; and what the kernel said against it."""
    try:
        return next(names, None), ""
    except OSError as error:
        return None, said(error)


def _child(folder: Entry, name: str) -> Entry:
    relative = name if folder.depth == 0 else f"{folder.relative}/{name}"
    return _look(f"{folder.path.rstrip('/')}/{name}", relative, folder.depth + 1)


def _look(path: str, relative: str, depth: int) -> Entry:
    try:
        status = os.lstat(path)
        link = os.readlink(path) if stat.S_ISLNK(status.st_mode) else ""  # noqa: PTH115 - a Path would tidy it
    except OSError as error:
        return Entry(path, relative, depth, error=said(error))
    return Entry(path, relative, depth, status, link)


def said(error: OSError) -> str:
    """What the kernel says against it."""
    return os.strerror(error.errno or 0).lower()
