"""Unpacking what a node sends, which is not trusted: nothing is written outside of the folder, also not through a link
that came before; no device is made, no owner or set-id bit is taken over. What cannot be had so is passed over."""

import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO

from core.base.errors import Invalid

Say = Callable[[str], None]


def unpack(stream: IO[bytes], target: Path, say: Say) -> None:
    """The members of a .tar.gz into the folder `target`. Raises Invalid for one that is broken, OSError."""
    top = target.resolve()
    try:
        with tarfile.open(fileobj=stream, mode="r|gz") as archive:
            for member in archive:
                problem = _place(archive, member, top)
                if problem:
                    say(f"passed over {member.name!r}: {problem}")
    except (tarfile.TarError, ValueError, OverflowError) as error:  # also a name with a NUL, a time without end
        raise Invalid(f"the archive is broken: {error}") from error


def _place(archive: tarfile.TarFile, member: tarfile.TarInfo, top: Path) -> str:
    """Make one member; why not, if it was not."""
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        return "it lies outside"
    path = top / name
    if not Path(os.path.realpath(path.parent)).is_relative_to(top):  # Path.resolve raises where links go in a circle
        return "it lies behind a link that leads outside"
    if not (member.isdir() or member.isreg() or member.issym()):
        return "it is neither file, folder nor link"
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink() or (path.exists() and not member.isdir()):
        if path.is_dir() and not path.is_symlink():
            return "there is a folder in its place"
        path.unlink()
    if member.isdir():
        path.mkdir(exist_ok=True)
    elif member.issym():
        os.symlink(member.linkname, path)  # noqa: PTH211 - a Path would tidy where it points
    else:
        source = archive.extractfile(member)
        assert source is not None  # a regular file has content
        with source, os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            shutil.copyfileobj(source, out)
            out.flush()
            os.fchmod(out.fileno(), member.mode & 0o777)
            os.utime(out.fileno(), (member.mtime, member.mtime))
    return ""
