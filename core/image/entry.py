"""What the image is to hold, before it is bytes: one entry a path, with the group it is counted under, the package it
comes from and the reason it is there. Owns the rule that no path is claimed twice."""

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from core.base.errors import Conflict


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, folder or link; a file's content is `data` or stands in `source`."""

    path: str
    mode: int
    group: str
    package: str
    reason: str
    source: Path | None = None
    data: bytes = b""
    target: str = ""

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.mode)

    def content(self) -> bytes:
        return self.source.read_bytes() if self.source else self.data


class Tree:
    """Entries by path. Folders that nobody names exist where something lies in them."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def __iter__(self) -> Iterator[Entry]:
        """In the order of paths, each folder before what it holds."""
        return iter(self._entries[path] for path in sorted(self._entries, key=lambda p: PurePosixPath(p).parts))

    def __contains__(self, path: str) -> bool:
        return path in self._entries

    def get(self, path: str) -> Entry | None:
        return self._entries.get(path)

    def add(self, entry: Entry) -> None:
        """Raises Conflict for a path that another entry has."""
        if entry.path in self._entries:
            raise Conflict(f"two entries want /{entry.path} in the image")
        for parent in list(PurePosixPath(entry.path).parents)[-2::-1]:
            if str(parent) not in self._entries:
                self._entries[str(parent)] = folder(str(parent), 0o755, entry.group, "holds files of the image")
        self._entries[entry.path] = entry

    def replace(self, entry: Entry) -> None:
        """Put another entry where one is."""
        self._entries[entry.path] = entry


def folder(path: str, mode: int, group: str, reason: str) -> Entry:
    return Entry(path, stat.S_IFDIR | mode, group, "", reason)


def link(path: str, target: str, group: str, reason: str) -> Entry:
    return Entry(path, stat.S_IFLNK | 0o777, group, "", reason, target=target)


def file(path: str, source: Path | bytes, group: str, package: str, reason: str, *, mode: int = 0o644) -> Entry:
    """A file by its content or by where its content stands."""
    if isinstance(source, bytes):
        return Entry(path, stat.S_IFREG | mode, group, package, reason, data=source)
    return Entry(path, stat.S_IFREG | mode, group, package, reason, source=source)
