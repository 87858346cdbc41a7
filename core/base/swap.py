"""Folders of files that change together: whoever opens one gets it from the newest whole set. The files are links into
a hidden folder, and one rename of one link exchanges them all, as the kubelet does it for volumes of secrets; so a bind
mount of the folder sees the change, and who watches a file is told. For memory file systems: nothing is synced."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_DATA: Final = "..data"
_NEW: Final = "..data.new"
_MODE: Final = 0o400


def swap(folder: Path, files: Mapping[str, bytes], owner: int) -> bool:
    """Make `folder` hold these files and no other, readable by user and group `owner` alone; whether that changed it.
    It is made with its parents if it is not there. Raises OSError."""
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    os.chown(folder, owner, owner)
    version = f"..{digest(files)}"
    if _current(folder) == version:
        return False
    _write(folder / version, files, owner)
    for name in files:
        _link(folder, name, f"{_DATA}/{name}")
    _link(folder, _DATA, version)
    _clean(folder, {*files, _DATA, version})
    return True


def digest(files: Mapping[str, bytes]) -> str:
    """By which a set of files is told from another: 32 hexadecimal digits."""
    whole = hashlib.sha256()
    for name in sorted(files):
        for part in (name.encode(), files[name]):
            whole.update(len(part).to_bytes(8, "big") + part)
    return whole.hexdigest()[:32]


def discard(folder: Path) -> None:
    """Remove the folder's files. Raises OSError."""
    if folder.exists():
        _clean(folder, set())


def _current(folder: Path) -> str:
    try:
        return str((folder / _DATA).readlink())
    except FileNotFoundError:
        return ""


def _write(place: Path, files: Mapping[str, bytes], owner: int) -> None:
    if place.exists():  # who wrote it was killed
        shutil.rmtree(place)
    place.mkdir(mode=0o700)
    os.chown(place, owner, owner)
    for name, data in files.items():
        fd = os.open(place / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
        with open(fd, "wb") as file:
            file.write(data)
            os.fchown(fd, owner, owner)


def _link(folder: Path, name: str, target: str) -> None:
    link, new = folder / name, folder / _NEW
    if link.is_symlink() and str(link.readlink()) == target:
        return
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)


def _clean(folder: Path, wanted: set[str]) -> None:
    """Links first: a folder goes when nothing leads into it any more."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name == _DATA):
        if entry.name not in wanted and entry.is_symlink():
            entry.unlink()
    for entry in folder.iterdir():
        if entry.name not in wanted:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
