"""Files that are whole or absent after a crash: temporary file, fsync, rename, fsync of the folder."""

import os
from pathlib import Path


def write_atomic(path: Path, data: bytes, *, mode: int = 0o600, keep_previous: bool = False) -> None:
    """Replace `path` by `data` so that a crash at any moment leaves the old or the new content.

    With `keep_previous` the content before stays beside it as `<name>.previous`. Raises OSError naming the path.
    """
    temporary = path.with_name(path.name + ".new")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        os.fchmod(fd, mode)
        write_all(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)
    if keep_previous and path.exists():
        previous = path.with_name(path.name + ".previous")
        link = path.with_name(path.name + ".previous.new")
        link.unlink(missing_ok=True)
        os.link(path, link)
        link.replace(previous)
    temporary.replace(path)
    sync_folder(path.parent)


def write_all(fd: int, data: bytes) -> None:
    """Every byte, however many the kernel takes at once. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
